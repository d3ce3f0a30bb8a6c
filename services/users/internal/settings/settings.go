// Package settings reads the user service's settings from the environment. Every
// mistake is reported at once, each with the variable's name, what was given
// and what is allowed.
//
// Unknown SCALESTACK_ variables are not refused: Kubernetes itself adds such
// variables to a pod when a Service of the namespace is named scalestack-….
package settings

import (
	"log/slog"
	"time"

	"github.com/scalestack/scalestack/sharding/settings"
)

// Redis says where the cache is.
type Redis struct {
	// Address is host:port.
	Address string
	// Credentials is the folder with the files username and password.
	Credentials string
}

// Serve holds the settings of the command serve.
type Serve struct {
	Shards   settings.Shards
	Redis    Redis
	LogLevel slog.Level
	// Listen is the address of the HTTP server.
	Listen string
	// Pool is the most connections to one shard from this process. The stack
	// checks pods × Pool against max_connections.
	Pool int
	// StatementTimeout bounds one statement in the database.
	StatementTimeout time.Duration
	// RequestTimeout bounds the work for one request.
	RequestTimeout time.Duration
	// CacheTTL is how long a profile may stay in the cache, ±10 %.
	CacheTTL time.Duration
	// NegativeTTL is how long the cache remembers that a user is absent.
	NegativeTTL time.Duration
	// ShutdownDelay is how long the service goes on serving after SIGTERM while
	// it reports not ready, so that no new connection meets a closed port.
	ShutdownDelay time.Duration
	// ShutdownGrace bounds the drain of running requests after that.
	ShutdownGrace time.Duration
}

// Ask holds the settings of the command ask.
type Ask struct {
	Shards settings.Shards
	// Timeout bounds the wait for one shard.
	Timeout time.Duration
}

// LoadServe reads the settings of serve; the error holds every mistake.
func LoadServe(lookup settings.Lookup) (*Serve, error) {
	r := settings.NewReader(lookup)
	s := serve(r)
	if s.RequestTimeout <= s.StatementTimeout {
		r.Failf("SCALESTACK_REQUEST_TIMEOUT", "%s is not more than SCALESTACK_DB_STATEMENT_TIMEOUT (%s)", s.RequestTimeout, s.StatementTimeout)
	}
	return s, r.Err()
}

// LoadAsk reads the settings of ask; the error holds every mistake.
func LoadAsk(lookup settings.Lookup) (*Ask, error) { return settings.Load(lookup, ask) }

// AskHelp lists the settings of ask.
func AskHelp() string { return settings.Help(ask) }

// ServeHelp lists the settings of serve.
func ServeHelp() string { return settings.Help(serve) }

func serve(r *settings.Reader) *Serve {
	return &Serve{
		Shards:   settings.ReadShards(r),
		Redis:    redis(r),
		LogLevel: settings.ReadLogLevel(r),
		Listen:   r.Address("SCALESTACK_LISTEN", ":8080", "where the HTTP server listens"),
		Pool:     r.Integer("SCALESTACK_DB_POOL", 10, 1, 1000, "most connections to one shard from this process"),
		StatementTimeout: r.Duration("SCALESTACK_DB_STATEMENT_TIMEOUT", 3*time.Second, 10*time.Millisecond, time.Minute,
			"longest time for one statement"),
		RequestTimeout: r.Duration("SCALESTACK_REQUEST_TIMEOUT", 5*time.Second, 20*time.Millisecond, 2*time.Minute,
			"longest time for one request, more than the statement timeout"),
		CacheTTL: r.Duration("SCALESTACK_CACHE_TTL", time.Hour, time.Second, 24*time.Hour,
			"how long a profile stays in the cache, ±10 % so that entries do not expire together"),
		NegativeTTL: r.Duration("SCALESTACK_CACHE_NEGATIVE_TTL", 10*time.Second, time.Second, 5*time.Minute,
			"how long the cache remembers that a user is absent"),
		ShutdownDelay: r.Duration("SCALESTACK_SHUTDOWN_DELAY", 5*time.Second, 0, time.Minute,
			"how long to go on serving, but not ready, after SIGTERM"),
		ShutdownGrace: r.Duration("SCALESTACK_SHUTDOWN_GRACE", 20*time.Second, time.Second, 10*time.Minute,
			"longest drain of running requests after that; the pod's grace period must be more than both together"),
	}
}

func ask(r *settings.Reader) *Ask {
	return &Ask{
		Shards:  settings.ReadShards(r),
		Timeout: r.Duration("SCALESTACK_USERS_TIMEOUT", 10*time.Second, 10*time.Millisecond, 10*time.Minute, "longest wait for one shard"),
	}
}

func redis(r *settings.Reader) Redis {
	return Redis{
		Address:     r.Address("SCALESTACK_REDIS_ADDRESS", "redis:6379", "the cache"),
		Credentials: r.Path("SCALESTACK_REDIS_CREDENTIALS", "/etc/scalestack/redis", "folder with the files username and password; read at every new connection"),
	}
}
