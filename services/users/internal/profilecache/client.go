package profilecache

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/verified"
	"github.com/scalestack/scalestack/sharding/credentials"
)

// A cache that takes longer than the database is of no use.
const (
	dialTimeout    = 500 * time.Millisecond
	commandTimeout = 250 * time.Millisecond
)

// Connections that live for ever pin an old password, and show a certificate of which
// nobody knows whether the server still has it.
const (
	maxLifetime       = 30 * time.Minute
	maxLifetimeJitter = 5 * time.Minute
)

// logger keeps the library's own lines in the log's format. They only repeat
// what the cache reports, hence the level.
type logger struct{ log *slog.Logger }

func (l logger) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "redis", "detail", fmt.Sprintf(format, args...))
}

func newClient(s settings.Redis, address string, shown func(*x509.Certificate)) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr:   address,
		Dialer: dialer(s, shown),
		CredentialsProviderContext: func(context.Context) (string, string, error) {
			return credentials.Read(s.Credentials)
		},
		ConnMaxLifetime:       maxLifetime,
		ConnMaxLifetimeJitter: maxLifetimeJitter,
		DialTimeout:           dialTimeout,
		DialerRetries:         1,
		ReadTimeout:           commandTimeout,
		WriteTimeout:          commandTimeout,
		PoolTimeout:           commandTimeout,
		MaxRetries:            1,
		ContextTimeoutEnabled: true,
		// The cache's user may not run CLIENT, which both of these send.
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// dialer is nil without TLS: the library's own.
func dialer(s settings.Redis, shown func(*x509.Certificate)) verified.Dial {
	if s.CA == "" {
		return nil
	}
	return verified.Dialer(s.CA, "the cache", dialTimeout, shown)
}

// expiry is what notes the certificate of the server with this name. A cache without TLS has
// no series, since an expiry of 0 would be one in 1970.
func expiry(s settings.Redis, registry prometheus.Registerer) func(server string) func(*x509.Certificate) {
	if s.CA == "" {
		return func(string) func(*x509.Certificate) { return nil }
	}
	gauge := promauto.With(registry).NewGaugeVec(prometheus.GaugeOpts{
		Name: "scalestack_cache_certificate_expiry_timestamp_seconds",
		Help: "When the certificate expires that a server of the cache showed to the last new connection, in Unix time. Without a server's name where there is one.",
	}, []string{"server"})
	return func(server string) func(*x509.Certificate) {
		return func(shown *x509.Certificate) { gauge.WithLabelValues(server).Set(float64(shown.NotAfter.Unix())) }
	}
}
