package settings

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Shards says where the shards are and how to reach them.
type Shards struct {
	// MapFile lies in a mounted ConfigMap, so its content changes while the program
	// runs.
	MapFile        string        `env:"SCALESTACK_SHARD_MAP" envDefault:"/etc/scalestack/shardmap/map.json" validate:"abspath" doc:"the shard map; read again when it changes"`
	Credentials    string        `env:"SCALESTACK_SHARD_CREDENTIALS" envDefault:"/etc/scalestack/shards" validate:"abspath" doc:"folder with <shard name>/username and <shard name>/password; read at every new connection"`
	SSLMode        string        `env:"SCALESTACK_DB_SSLMODE" envDefault:"disable" validate:"oneof=disable require verify-ca verify-full" doc:"TLS to the shards, as libpq's sslmode; none of them falls back to clear text, and only verify-full checks who answers"`
	SSLRootCert    string        `env:"SCALESTACK_DB_SSLROOTCERT" validate:"omitempty,abspath" doc:"file with the authorities of the shards' certificates for verify-ca and verify-full; read at every new connection; if empty PGSSLROOTCERT, then the system's"`
	Pooler         string        `env:"SCALESTACK_DB_POOLER" validate:"omitempty,hostport" doc:"host:port of a PgBouncer in transaction mode for the pools' connections, in which {shard} stands for the shard's name; none if empty"`
	ConnectTimeout time.Duration `env:"SCALESTACK_DB_CONNECT_TIMEOUT" envDefault:"2s" validate:"min=10ms,max=1m" doc:"longest attempt to connect to a shard"`
}

// As returns the options for a router to the shards. Its connections show the
// application's name.
func (s Shards) As(application string) router.Options {
	return router.Options{MapFile: s.MapFile, Credentials: s.Credentials, SSLMode: s.SSLMode, SSLRootCert: s.SSLRootCert,
		Pooler: s.Pooler, ConnectTimeout: s.ConnectTimeout, Application: application}
}

// Map reads the current shard map.
func (s Shards) Map() (*shardmap.Map, error) { return ReadMap(s.MapFile) }

// ReadMap reads a shard map from a file.
func ReadMap(file string) (*shardmap.Map, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("shard map: %w", err)
	}
	m, err := shardmap.Decode(content)
	if err != nil {
		return nil, fmt.Errorf("shard map %s: %w", file, err)
	}
	return m, nil
}

// Log says how much to log.
type Log struct {
	LogLevel slog.Level `env:"SCALESTACK_LOG_LEVEL" envDefault:"info" doc:"lowest level that is logged"`
}

// Probes says where a program serves probes and metrics, apart from the port for its
// users.
type Probes struct {
	MetricsListen string `env:"SCALESTACK_METRICS_LISTEN" envDefault:":9090" validate:"hostport" doc:"where /metrics, /healthz and /readyz are served, for the cluster alone"`
}
