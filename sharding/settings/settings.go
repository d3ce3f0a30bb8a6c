package settings

import "time"

// The commands of shardctl.
var (
	MigrateCommand = NewCommand("migrate", func() *Migrate { return &Migrate{} })
	ReshardCommand = NewCommand("reshard", func() *Reshard { return &Reshard{} })
	ServeCommand   = NewCommand("serve", func() *Serve { return &Serve{} })
)

// Migrate holds the settings of the commands migrate and adopt.
type Migrate struct {
	Shards Shards
	Log
	// Roles is "" for no roles.
	Roles string `env:"SCALESTACK_ROLES" validate:"omitempty,abspath" doc:"file with the services' roles (package access), which are made on every shard"`
	// Administrators is "" if the passwords do not change.
	Administrators string `env:"SCALESTACK_ADMINISTRATORS" validate:"omitempty,abspath" doc:"file with the passwords of each shard's own roles, a JSON object by the shards' names of objects by the roles', which they get after the services' roles"`
	// CloneOf is "" for shards that are not a clone.
	CloneOf string `env:"SCALESTACK_CLONE_OF" doc:"name of the shard map of the cluster of which the shards are a clone: they take this map's name instead"`
	// Timeout limits the whole run, including the wait for the shards.
	Timeout time.Duration `env:"SCALESTACK_MIGRATE_TIMEOUT" envDefault:"5m" validate:"min=1s,max=24h" doc:"longest run, waiting for the shards included"`
}

// Reshard holds the settings of the command reshard.
type Reshard struct {
	Shards Shards
	Log
	// Roles is "" for no roles.
	Roles string `env:"SCALESTACK_ROLES" validate:"omitempty,abspath" doc:"file with the services' roles (package access); roles and logins that are not in it are retired first"`
	// Administrators is "" if the passwords do not change.
	Administrators string `env:"SCALESTACK_ADMINISTRATORS" validate:"omitempty,abspath" doc:"file with the passwords of each shard's own roles, a JSON object by the shards' names of objects by the roles': a rotation ends when every shard takes its own"`
	// MetricsListen is "" to serve no metrics.
	MetricsListen string `env:"SCALESTACK_METRICS_LISTEN" validate:"omitempty,hostport" doc:"where /metrics, /healthz and /readyz are served, for the cluster alone; nowhere if empty"`
	Batch         int    `env:"SCALESTACK_RESHARD_BATCH" envDefault:"32" validate:"min=1,max=1000" doc:"most buckets that move together: two scans of the source's tables, one pause of their writes"`
	Parallel      int    `env:"SCALESTACK_RESHARD_PARALLEL" envDefault:"4" validate:"min=1,max=64" doc:"most moves at once, between pairs of shards that have no shard in common"`
	// Volume is in bytes, 0 if unknown.
	Volume   int64         `env:"SCALESTACK_RESHARD_VOLUME" envDefault:"0" validate:"min=0,max=1152921504606846976" doc:"bytes of each shard's volume: a move that would fill its target's is refused; 0 does not look"`
	Lease    time.Duration `env:"SCALESTACK_RESHARD_LEASE" envDefault:"4s" validate:"min=100ms,max=10m" doc:"longest pause of writes: after it the first writer lifts the fence, and the cutover is tried again"`
	Observe  time.Duration `env:"SCALESTACK_RESHARD_OBSERVE" envDefault:"30s" validate:"min=1ms,max=24h" doc:"how long each move can be rolled back after its cutover"`
	Attempts int           `env:"SCALESTACK_RESHARD_ATTEMPTS" envDefault:"100" validate:"min=1,max=100000" doc:"fences that are tried, up to 5 s apart, until a move is aborted and its copy thrown away"`
	// ShardsRootCert is a path on the shards' servers, not on this machine.
	ShardsRootCert string        `env:"SCALESTACK_RESHARD_SSLROOTCERT" envDefault:"/var/lib/postgresql/data/tls/current/ca.crt" validate:"abspath" doc:"file with the authorities of the shards' certificates on the shards' own servers, for the connections between them with verify-ca and verify-full; by default where component postgres has it"`
	Patience       time.Duration `env:"SCALESTACK_RESHARD_PATIENCE" envDefault:"10m" validate:"min=1s,max=24h" doc:"how long a shard may be unreachable until reshard gives up, or a replication slot may wait for transactions until the move is aborted"`
}

// Serve holds the settings of the command serve.
type Serve struct {
	Shards Shards
	Log
	Probes
	Every   time.Duration `env:"SCALESTACK_SERVE_EVERY" envDefault:"15s" validate:"min=1s,max=1h" doc:"how often the shards are asked"`
	Members int           `env:"SCALESTACK_SHARD_MEMBERS" envDefault:"1" validate:"min=1,max=5" doc:"how many servers each shard should have, one of them the primary"`
}
