package settings

// Redis says where the cache is, and with CA how to verify it.
type Redis struct {
	Address     string `env:"SCALESTACK_REDIS_ADDRESS" envDefault:"redis:6379" validate:"hostport" doc:"the cache"`
	Credentials string `env:"SCALESTACK_REDIS_CREDENTIALS" envDefault:"/etc/scalestack/redis" validate:"abspath" doc:"folder with the files username and password; read at every new connection"`
	CA          string `env:"SCALESTACK_REDIS_CA" validate:"omitempty,abspath" doc:"authorities of the cache's certificate: a PEM file, or a folder of which every *.crt is trusted; read at every new connection. Empty for connections in clear text"`
}

// Kafka says where the event log is and who we are there.
type Kafka struct {
	Bootstrap []string `env:"SCALESTACK_KAFKA_BOOTSTRAP" envDefault:"kafka-kafka-bootstrap:9093" validate:"dive,hostport" doc:"brokers to ask for the others, separated by commas; SCRAM-SHA-512 over TLS"`
	CA        string   `env:"SCALESTACK_KAFKA_CA" envDefault:"/etc/scalestack/kafka-ca" validate:"abspath" doc:"authorities of the brokers' certificates: a PEM file, or a folder of which every *.crt is trusted; read at every new connection"`
	// User is by default the name of the command.
	User        string `env:"SCALESTACK_KAFKA_USER" doc:"our name for the brokers"`
	Credentials string `env:"SCALESTACK_KAFKA_CREDENTIALS" envDefault:"/etc/scalestack/kafka" validate:"abspath" doc:"folder with the file password; read at every new connection"`
}
