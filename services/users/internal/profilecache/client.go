package profilecache

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/sharding/credentials"
)

// A cache that takes longer than the database is of no use.
const (
	dialTimeout    = 500 * time.Millisecond
	commandTimeout = 250 * time.Millisecond
)

// logger keeps the library's own lines in the log's format. They only repeat
// what the cache reports, hence the level.
type logger struct{ log *slog.Logger }

func (l logger) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "redis", "detail", fmt.Sprintf(format, args...))
}

// NewClient returns a client that connects when it is used, with the
// credentials that the files hold at that time.
func NewClient(s settings.Redis, log *slog.Logger) *redis.Client {
	redis.SetLogger(logger{log})
	return redis.NewClient(&redis.Options{
		Addr: s.Address,
		CredentialsProviderContext: func(context.Context) (string, string, error) {
			return credentials.Read(s.Credentials)
		},
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
