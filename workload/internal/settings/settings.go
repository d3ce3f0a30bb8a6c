// Package settings reads the workload's settings from the environment. Every
// mistake is reported at once, each with the variable's name, what was given
// and what is allowed.
//
// Unknown SCALESTACK_ variables are not refused: Kubernetes itself adds such
// variables to a pod when a Service of the namespace is named scalestack-….
package settings

import (
	"log/slog"
	"time"

	"github.com/scalestack/scalestack/router"
)

// Shards says where the shards are and how to reach them.
type Shards struct {
	// MapFile is the shard map's file. Its folder is a mounted ConfigMap, so
	// the content changes while the process runs.
	MapFile string
	// Credentials is the folder with <shard name>/username and <shard name>/password.
	Credentials string
	// SSLMode is libpq's sslmode. The authority for verify-ca and verify-full
	// comes from PGSSLROOTCERT, as with every PostgreSQL client.
	SSLMode string
	// ConnectTimeout bounds one attempt to connect to a shard.
	ConnectTimeout time.Duration
}

// As returns what a router needs to reach the shards; they show the
// application's name for its connections.
func (s Shards) As(application string) router.Options {
	return router.Options{MapFile: s.MapFile, Credentials: s.Credentials, SSLMode: s.SSLMode,
		ConnectTimeout: s.ConnectTimeout, Application: application}
}

// Redis says where the cache is.
type Redis struct {
	// Address is host:port.
	Address string
	// Credentials is the folder with the files username and password.
	Credentials string
}

// Serve holds the settings of the command serve.
type Serve struct {
	Shards   Shards
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

// Migrate holds the settings of the command migrate.
type Migrate struct {
	Shards   Shards
	LogLevel slog.Level
	// Timeout bounds the whole run, waiting for the shards included.
	Timeout time.Duration
}

// Users holds the settings of the command users.
type Users struct {
	Shards Shards
	// Timeout bounds the wait for one shard.
	Timeout time.Duration
}

// Reshard holds the settings of the command reshard.
type Reshard struct {
	Shards   Shards
	LogLevel slog.Level
	// Listen is where probes and metrics are served, "" for nowhere.
	Listen string
	// Batch is the most buckets that move together.
	Batch int
	// Volume is the size of each shard's volume in bytes, 0 for unknown.
	Volume int64
	// Lease is how long a fence holds.
	Lease time.Duration
	// Observe is how long a move can be rolled back after its cutover.
	Observe time.Duration
	// Patience is how long a shard may be unreachable.
	Patience time.Duration
}

// LoadServe reads the settings of serve; the error holds every mistake.
func LoadServe(lookup Lookup) (*Serve, error) {
	r := &reader{lookup: lookup}
	s := serve(r)
	if s.RequestTimeout <= s.StatementTimeout {
		r.failf("SCALESTACK_REQUEST_TIMEOUT", "%s is not more than SCALESTACK_DB_STATEMENT_TIMEOUT (%s)", s.RequestTimeout, s.StatementTimeout)
	}
	return s, r.err()
}

// LoadMigrate reads the settings of migrate; the error holds every mistake.
func LoadMigrate(lookup Lookup) (*Migrate, error) {
	r := &reader{lookup: lookup}
	return migrate(r), r.err()
}

// LoadUsers reads the settings of users; the error holds every mistake.
func LoadUsers(lookup Lookup) (*Users, error) {
	r := &reader{lookup: lookup}
	return users(r), r.err()
}

// UsersHelp lists the settings of users.
func UsersHelp() string { return help(users) }

// LoadReshard reads the settings of reshard; the error holds every mistake.
func LoadReshard(lookup Lookup) (*Reshard, error) {
	r := &reader{lookup: lookup}
	return reshard(r), r.err()
}

// ReshardHelp lists the settings of reshard.
func ReshardHelp() string { return help(reshard) }

// ServeHelp lists the settings of serve.
func ServeHelp() string { return help(serve) }

// MigrateHelp lists the settings of migrate.
func MigrateHelp() string { return help(migrate) }

func serve(r *reader) *Serve {
	return &Serve{
		Shards:   shards(r),
		Redis:    redis(r),
		LogLevel: logLevel(r),
		Listen:   r.address("SCALESTACK_LISTEN", ":8080", "where the HTTP server listens"),
		Pool:     r.integer("SCALESTACK_DB_POOL", 10, 1, 1000, "most connections to one shard from this process"),
		StatementTimeout: r.duration("SCALESTACK_DB_STATEMENT_TIMEOUT", 3*time.Second, 10*time.Millisecond, time.Minute,
			"longest time for one statement"),
		RequestTimeout: r.duration("SCALESTACK_REQUEST_TIMEOUT", 5*time.Second, 20*time.Millisecond, 2*time.Minute,
			"longest time for one request, more than the statement timeout"),
		CacheTTL: r.duration("SCALESTACK_CACHE_TTL", time.Hour, time.Second, 24*time.Hour,
			"how long a profile stays in the cache, ±10 % so that entries do not expire together"),
		NegativeTTL: r.duration("SCALESTACK_CACHE_NEGATIVE_TTL", 10*time.Second, time.Second, 5*time.Minute,
			"how long the cache remembers that a user is absent"),
		ShutdownDelay: r.duration("SCALESTACK_SHUTDOWN_DELAY", 5*time.Second, 0, time.Minute,
			"how long to go on serving, but not ready, after SIGTERM"),
		ShutdownGrace: r.duration("SCALESTACK_SHUTDOWN_GRACE", 20*time.Second, time.Second, 10*time.Minute,
			"longest drain of running requests after that; the pod's grace period must be more than both together"),
	}
}

func migrate(r *reader) *Migrate {
	return &Migrate{
		Shards:   shards(r),
		LogLevel: logLevel(r),
		Timeout: r.duration("SCALESTACK_MIGRATE_TIMEOUT", 5*time.Minute, time.Second, 24*time.Hour,
			"longest run, waiting for the shards included"),
	}
}

func users(r *reader) *Users {
	return &Users{
		Shards:  shards(r),
		Timeout: r.duration("SCALESTACK_USERS_TIMEOUT", 10*time.Second, 10*time.Millisecond, 10*time.Minute, "longest wait for one shard"),
	}
}

func reshard(r *reader) *Reshard {
	return &Reshard{
		Shards:   shards(r),
		LogLevel: logLevel(r),
		Listen:   r.optionalAddress("SCALESTACK_LISTEN", "where probes and metrics are served"),
		Batch:    r.integer("SCALESTACK_RESHARD_BATCH", 32, 1, 1000, "most buckets that move together: two scans of the source's tables, one pause of their writes"),
		Volume:   int64(r.integer("SCALESTACK_RESHARD_VOLUME", 0, 0, 1<<60, "bytes of each shard's volume: a move that would fill its target's is refused; 0 does not look")),
		Lease: r.duration("SCALESTACK_RESHARD_LEASE", 4*time.Second, 100*time.Millisecond, 10*time.Minute,
			"longest pause of writes: after it the first writer lifts the fence, and the cutover is tried again"),
		Observe: r.duration("SCALESTACK_RESHARD_OBSERVE", 30*time.Second, time.Millisecond, 24*time.Hour,
			"how long each move can be rolled back after its cutover"),
		Patience: r.duration("SCALESTACK_RESHARD_PATIENCE", 10*time.Minute, time.Second, 24*time.Hour,
			"how long a shard may be unreachable until reshard gives up; it can be started again"),
	}
}

func shards(r *reader) Shards {
	return Shards{
		MapFile:     r.path("SCALESTACK_SHARD_MAP", "/etc/scalestack/shardmap/map.json", "the shard map; read again when it changes"),
		Credentials: r.path("SCALESTACK_SHARD_CREDENTIALS", "/etc/scalestack/shards", "folder with <shard name>/username and <shard name>/password; read at every new connection"),
		SSLMode: r.oneOf("SCALESTACK_DB_SSLMODE", "prefer",
			[]string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}, "TLS to the shards, as libpq's sslmode; PGSSLROOTCERT names the authority"),
		ConnectTimeout: r.duration("SCALESTACK_DB_CONNECT_TIMEOUT", 2*time.Second, 10*time.Millisecond, time.Minute, "longest attempt to connect to a shard"),
	}
}

func redis(r *reader) Redis {
	return Redis{
		Address:     r.address("SCALESTACK_REDIS_ADDRESS", "redis:6379", "the cache"),
		Credentials: r.path("SCALESTACK_REDIS_CREDENTIALS", "/etc/scalestack/redis", "folder with the files username and password; read at every new connection"),
	}
}

func logLevel(r *reader) slog.Level {
	var level slog.Level
	text := r.oneOf("SCALESTACK_LOG_LEVEL", "info", []string{"debug", "info", "warn", "error"}, "least level that is logged")
	// Only a value that oneOf has refused already fails here.
	_ = level.UnmarshalText([]byte(text))
	return level
}
