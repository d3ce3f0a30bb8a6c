// Package settings reads the settings of shardctl from the environment, and
// those that every program on the shards shares. Every mistake is reported at
// once, each with the variable's name, what was given and what is allowed.
//
// Unknown SCALESTACK_ variables are not refused: Kubernetes itself adds such
// variables to a pod when a Service of the namespace is named scalestack-….
package settings

import (
	"log/slog"
	"time"
)

// rolesFile names the file with the services' roles.
const rolesFile = "SCALESTACK_ROLES"

// Migrate holds the settings of the command migrate.
type Migrate struct {
	Shards   Shards
	LogLevel slog.Level
	// Roles is the file that describes the services' roles, "" for none.
	Roles string
	// Timeout bounds the whole run, waiting for the shards included.
	Timeout time.Duration
}

// Reshard holds the settings of the command reshard.
type Reshard struct {
	Shards   Shards
	LogLevel slog.Level
	// Roles is the file that describes the services' roles, "" for none.
	Roles string
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
	// Attempts is how many fences are tried until a move is aborted.
	Attempts int
	// Patience is how long a shard may be unreachable, or a replication slot may
	// wait for transactions that do not end.
	Patience time.Duration
}

// Serve holds the settings of the command serve.
type Serve struct {
	Shards   Shards
	LogLevel slog.Level
	// Listen is where probes and metrics are served.
	Listen string
	// Every is how often the shards are asked.
	Every time.Duration
}

// LoadServe reads the settings of serve; the error holds every mistake.
func LoadServe(lookup Lookup) (*Serve, error) { return Load(lookup, serve) }

// ServeHelp lists the settings of serve.
func ServeHelp() string { return Help(serve) }

func serve(r *Reader) *Serve {
	return &Serve{
		Shards:   ReadShards(r),
		LogLevel: ReadLogLevel(r),
		Listen:   r.Address("SCALESTACK_METRICS_LISTEN", ":9090", "where /metrics, /healthz and /readyz are served, for the cluster alone"),
		Every:    r.Duration("SCALESTACK_SERVE_EVERY", 15*time.Second, time.Second, time.Hour, "how often the shards are asked"),
	}
}

// LoadMigrate reads the settings of migrate; the error holds every mistake.
func LoadMigrate(lookup Lookup) (*Migrate, error) { return Load(lookup, migrate) }

// MigrateHelp lists the settings of migrate.
func MigrateHelp() string { return Help(migrate) }

// LoadReshard reads the settings of reshard; the error holds every mistake.
func LoadReshard(lookup Lookup) (*Reshard, error) { return Load(lookup, reshard) }

// ReshardHelp lists the settings of reshard.
func ReshardHelp() string { return Help(reshard) }

func migrate(r *Reader) *Migrate {
	return &Migrate{
		Shards:   ReadShards(r),
		LogLevel: ReadLogLevel(r),
		Roles:    r.OptionalPath(rolesFile, "the services' roles (package access), made on every shard"),
		Timeout: r.Duration("SCALESTACK_MIGRATE_TIMEOUT", 5*time.Minute, time.Second, 24*time.Hour,
			"longest run, waiting for the shards included"),
	}
}

func reshard(r *Reader) *Reshard {
	return &Reshard{
		Shards:   ReadShards(r),
		LogLevel: ReadLogLevel(r),
		Roles:    r.OptionalPath(rolesFile, "the services' roles (package access): roles and logins that are not in it are retired first"),
		Listen:   r.OptionalAddress("SCALESTACK_METRICS_LISTEN", "where /metrics, /healthz and /readyz are served, for the cluster alone"),
		Batch:    r.Integer("SCALESTACK_RESHARD_BATCH", 32, 1, 1000, "most buckets that move together: two scans of the source's tables, one pause of their writes"),
		Volume:   int64(r.Integer("SCALESTACK_RESHARD_VOLUME", 0, 0, 1<<60, "bytes of each shard's volume: a move that would fill its target's is refused; 0 does not look")),
		Lease: r.Duration("SCALESTACK_RESHARD_LEASE", 4*time.Second, 100*time.Millisecond, 10*time.Minute,
			"longest pause of writes: after it the first writer lifts the fence, and the cutover is tried again"),
		Observe: r.Duration("SCALESTACK_RESHARD_OBSERVE", 30*time.Second, time.Millisecond, 24*time.Hour,
			"how long each move can be rolled back after its cutover"),
		Attempts: r.Integer("SCALESTACK_RESHARD_ATTEMPTS", 100, 1, 100_000,
			"fences that are tried, up to 5 s apart, until a move is aborted and its copy thrown away"),
		Patience: r.Duration("SCALESTACK_RESHARD_PATIENCE", 10*time.Minute, time.Second, 24*time.Hour,
			"how long a shard may be unreachable until reshard gives up, or a replication slot may wait for transactions until the move is aborted"),
	}
}

// ReadLogLevel reads how much is logged.
func ReadLogLevel(r *Reader) slog.Level {
	var level slog.Level
	text := r.OneOf("SCALESTACK_LOG_LEVEL", "info", []string{"debug", "info", "warn", "error"}, "least level that is logged")
	// Only a value that oneOf has refused already fails here.
	_ = level.UnmarshalText([]byte(text))
	return level
}
