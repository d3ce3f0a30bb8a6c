package settings

import (
	"fmt"
	"time"

	"github.com/scalestack/scalestack/sharding/settings"
)

// Serve holds the settings of the command serve.
type Serve struct {
	settings.Shards
	Redis Redis
	settings.Log
	Access
	Tracing Tracing
	Listen  string `env:"SCALESTACK_LISTEN" envDefault:":8080" validate:"hostport" doc:"where the HTTP server listens"`
	settings.Probes
	// The stack checks pods × Pool against max_connections.
	Pool             int           `env:"SCALESTACK_DB_POOL" envDefault:"10" validate:"min=1,max=1000" doc:"most connections to one shard from this process"`
	StatementTimeout time.Duration `env:"SCALESTACK_DB_STATEMENT_TIMEOUT" envDefault:"3s" validate:"min=10ms,max=1m" doc:"longest time for one statement"`
	RequestTimeout   time.Duration `env:"SCALESTACK_REQUEST_TIMEOUT" envDefault:"5s" validate:"min=20ms,max=2m" doc:"longest time for one request, more than the statement timeout"`
	MaxConnections   int           `env:"SCALESTACK_MAX_CONNECTIONS" envDefault:"2000" validate:"min=1,max=100000" doc:"most client connections, some 20 KiB each; further ones get 503"`
	MaxRequests      int           `env:"SCALESTACK_MAX_REQUESTS" envDefault:"256" validate:"min=1,max=100000" doc:"most requests that are worked on at once; further ones get 429"`
	// Events must be true wherever a relay runs, and only there.
	Events        bool          `env:"SCALESTACK_EVENTS" envDefault:"true" doc:"whether changes leave events in the outbox; false where no relay reads them: rows older than a day are then dropped"`
	CacheTTL      time.Duration `env:"SCALESTACK_CACHE_TTL" envDefault:"1h" validate:"min=1s,max=24h" doc:"how long a profile stays in the cache, ±10 % so that entries do not expire together"`
	NegativeTTL   time.Duration `env:"SCALESTACK_CACHE_NEGATIVE_TTL" envDefault:"10s" validate:"min=1s,max=5m" doc:"how long the cache remembers that a user is absent"`
	ShutdownDelay time.Duration `env:"SCALESTACK_SHUTDOWN_DELAY" envDefault:"5s" validate:"min=0s,max=1m" doc:"how long to go on serving, but not ready, after SIGTERM"`
	ShutdownGrace time.Duration `env:"SCALESTACK_SHUTDOWN_GRACE" envDefault:"20s" validate:"min=1s,max=10m" doc:"longest drain of running requests after that; the pod's grace period must be more than both together"`
}

// Mistakes reports what holds between settings.
func (s *Serve) Mistakes() []error {
	mistakes := append(s.Access.mistakes(), s.Tracing.mistakes()...)
	if s.RequestTimeout > s.StatementTimeout {
		return mistakes
	}
	return append(mistakes, fmt.Errorf("SCALESTACK_REQUEST_TIMEOUT: %s is not more than SCALESTACK_DB_STATEMENT_TIMEOUT (%s)", s.RequestTimeout, s.StatementTimeout))
}

// Ask holds the settings of the command ask.
type Ask struct {
	settings.Shards
	Timeout time.Duration `env:"SCALESTACK_USERS_TIMEOUT" envDefault:"10s" validate:"min=10ms,max=10m" doc:"longest wait for one shard"`
}

// Migrate holds the settings of the command migrate.
type Migrate struct {
	settings.Shards
	settings.Log
	Timeout time.Duration `env:"SCALESTACK_MIGRATE_TIMEOUT" envDefault:"5m" validate:"min=1s,max=24h" doc:"longest run, waiting for the shards included"`
}
