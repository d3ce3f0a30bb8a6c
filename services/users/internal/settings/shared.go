package settings

import (
	"log/slog"
	"time"

	"github.com/scalestack/scalestack/sharding/router"
)

// Shards says where the shards are and how to reach them.
type Shards struct {
	MapFile        string        `env:"SCALESTACK_SHARD_MAP" envDefault:"/etc/scalestack/shardmap/map.json" validate:"abspath" doc:"the shard map; read again when it changes"`
	Credentials    string        `env:"SCALESTACK_SHARD_CREDENTIALS" envDefault:"/etc/scalestack/shards" validate:"abspath" doc:"folder with <shard name>/username and <shard name>/password; read at every new connection"`
	SSLMode        string        `env:"SCALESTACK_DB_SSLMODE" envDefault:"prefer" validate:"oneof=disable allow prefer require verify-ca verify-full" doc:"TLS to the shards, as libpq's sslmode"`
	SSLRootCert    string        `env:"PGSSLROOTCERT" validate:"omitempty,abspath" doc:"authority of the shards' certificates for verify-ca and verify-full; read by the PostgreSQL client itself"`
	ConnectTimeout time.Duration `env:"SCALESTACK_DB_CONNECT_TIMEOUT" envDefault:"2s" validate:"min=10ms,max=1m" doc:"longest attempt to connect to a shard"`
}

// As returns what a router needs to reach the shards; they show the
// application's name for its connections.
func (s Shards) As(application string) router.Options {
	return router.Options{MapFile: s.MapFile, Credentials: s.Credentials, SSLMode: s.SSLMode,
		ConnectTimeout: s.ConnectTimeout, Application: application}
}

// Log says how much is logged.
type Log struct {
	LogLevel slog.Level `env:"SCALESTACK_LOG_LEVEL" envDefault:"info" doc:"lowest level that is logged"`
}

// Probes says where a program tells of itself. What users reach is another port.
type Probes struct {
	MetricsListen string `env:"SCALESTACK_METRICS_LISTEN" envDefault:":9090" validate:"hostport" doc:"where /metrics, /healthz and /readyz are served, for the cluster alone"`
}

// Redis says where the cache is.
type Redis struct {
	Address     string `env:"SCALESTACK_REDIS_ADDRESS" envDefault:"redis:6379" validate:"hostport" doc:"the cache"`
	Credentials string `env:"SCALESTACK_REDIS_CREDENTIALS" envDefault:"/etc/scalestack/redis" validate:"abspath" doc:"folder with the files username and password; read at every new connection"`
}

// Kafka says where the event log is and who we are there.
type Kafka struct {
	Bootstrap []string `env:"SCALESTACK_KAFKA_BOOTSTRAP" envDefault:"kafka-kafka-bootstrap:9093" validate:"dive,hostport" doc:"brokers to ask for the others, separated by commas; SCRAM-SHA-512 over TLS"`
	CA        string   `env:"SCALESTACK_KAFKA_CA" envDefault:"/etc/scalestack/kafka-ca" validate:"abspath" doc:"authorities of the brokers' certificates: a PEM file, or a folder of which every *.crt is trusted; read at every new connection"`
	// User is by default the name of the command.
	User        string `env:"SCALESTACK_KAFKA_USER" doc:"our name for the brokers"`
	Credentials string `env:"SCALESTACK_KAFKA_CREDENTIALS" envDefault:"/etc/scalestack/kafka" validate:"abspath" doc:"folder with the file password; read at every new connection"`
}
