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

// NewClient returns a client that connects when it is used, with the credentials, and
// with TLS the authorities, that the files hold at that time. The registry gets the expiry
// of the certificate that the server shows.
func NewClient(s settings.Redis, registry prometheus.Registerer, log *slog.Logger) *redis.Client {
	redis.SetLogger(logger{log})
	return redis.NewClient(&redis.Options{
		Addr:   s.Address,
		Dialer: dialer(s, registry),
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

// dialer is nil without TLS: the library's own. A server without TLS has no series, since
// an expiry of 0 would be one in 1970.
func dialer(s settings.Redis, registry prometheus.Registerer) verified.Dial {
	if s.CA == "" {
		return nil
	}
	expiry := promauto.With(registry).NewGaugeVec(prometheus.GaugeOpts{
		Name: "scalestack_cache_certificate_expiry_timestamp_seconds",
		Help: "When the certificate expires that the cache showed to the last new connection, in Unix time.",
	}, nil)
	return verified.Dialer(s.CA, "the cache", dialTimeout, func(shown *x509.Certificate) {
		expiry.WithLabelValues().Set(float64(shown.NotAfter.Unix()))
	})
}
