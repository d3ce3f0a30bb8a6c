package router

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options configure a Router. The zero value works in a pod that mounts the
// shard map and the shards' Secrets where the stack's component app mounts them.
type Options struct {
	// MapFile is the shard map; default /etc/scalestack/shardmap/map.json. Its
	// content may change while the process runs.
	MapFile string
	// Credentials is the folder with <shard name>/username and <shard name>/password;
	// default /etc/scalestack/shards. They are read for every new connection, so a
	// changed password needs no restart.
	Credentials string
	// SSLMode is libpq's sslmode: disable (the default), require, verify-ca or
	// verify-full. Only verify-full checks that the server is the one that the map
	// names. None of them falls back to clear text.
	SSLMode string
	// SSLRootCert is the file with the authorities of the shards' certificates. It is
	// read for every new connection, so a new authority needs no restart. Default:
	// PGSSLROOTCERT, or else the system's authorities.
	SSLRootCert string
	// Pooler is the address, host:port, of a PgBouncer in transaction mode through
	// which the pools connect; {shard} in it stands for the shard's name. Its databases
	// have the same names as the map's. Statements are then described instead of
	// prepared, and the pooler has to set the statement timeout: docs/scale.md. Default
	// "", no pooler. A single connection, see [Options.ConnConfig], is a session and
	// never goes through it.
	Pooler string
	// ConnectTimeout bounds one attempt to connect to a shard; default 2 s.
	ConnectTimeout time.Duration
	// Pool is the most connections to one shard; default 10. All processes together
	// must stay below each shard's max_connections.
	Pool int
	// StatementTimeout bounds one statement in the database; default 3 s.
	StatementTimeout time.Duration
	// Application is the application_name of the connections; default scalestack.
	Application string
	// Metrics registers the Router's metrics; default none. Two Routers cannot share
	// one.
	Metrics prometheus.Registerer
	// Trace is called when a step of an operation begins, and end when the step ends:
	// with nil, or with the error of a shard that failed or could not be asked. The
	// step runs with the returned context. Default none.
	Trace func(ctx context.Context, s Step) (_ context.Context, end func(error))
	// Log receives news of the map and of shards that are down; default none.
	Log *slog.Logger
}

func orDefault[T comparable](value *T, byDefault T) {
	var zero T
	if *value == zero {
		*value = byDefault
	}
}

func (o Options) withDefaults() Options {
	orDefault(&o.MapFile, "/etc/scalestack/shardmap/map.json")
	orDefault(&o.Credentials, "/etc/scalestack/shards")
	orDefault(&o.SSLMode, noTLS)
	orDefault(&o.ConnectTimeout, 2*time.Second)
	orDefault(&o.Pool, 10)
	orDefault(&o.StatementTimeout, 3*time.Second)
	orDefault(&o.Application, "scalestack")
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
