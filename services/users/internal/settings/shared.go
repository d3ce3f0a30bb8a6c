package settings

import (
	"slices"
	"strings"

	"github.com/scalestack/scalestack/sharding/settings"
)

// Redis says where the cache is, and with CA how to verify it.
type Redis struct {
	Address     string `env:"SCALESTACK_REDIS_ADDRESS" envDefault:"redis:6379" validate:"cacheservers" doc:"the cache's servers in their order, separated by commas; behind a semicolon those of the layout that gets every invalidation too, while their number changes"`
	Credentials string `env:"SCALESTACK_REDIS_CREDENTIALS" envDefault:"/etc/scalestack/redis" validate:"abspath" doc:"folder with the files username and password; read at every new connection"`
	CA          string `env:"SCALESTACK_REDIS_CA" validate:"omitempty,abspath" doc:"authorities of the cache's certificate: a PEM file, or a folder of which every *.crt is trusted; read at every new connection. Empty for connections in clear text"`
}

// Servers are those that keep the keys, and those on which every invalidation is made too:
// none unless their number is changing.
func (r Redis) Servers() (keep, also []string) {
	first, second, changing := strings.Cut(r.Address, ";")
	if changing {
		also = strings.Split(second, ",")
	}
	return strings.Split(first, ","), also
}

func init() {
	settings.AddRule("cacheservers", "host:port with a port between 0 and 65535, several of them with commas between, or two such lists with a semicolon between", areServers)
}

// areServers refuses a server that is twice in a list: its number decides which keys it has.
func areServers(text string) bool {
	keep, also := Redis{Address: text}.Servers()
	for _, list := range [][]string{keep, also} {
		for i, address := range list {
			if !settings.IsHostPort(address) || slices.Contains(list[:i], address) {
				return false
			}
		}
	}
	return true
}

// Kafka says where the event log is and who we are there.
type Kafka struct {
	Bootstrap []string `env:"SCALESTACK_KAFKA_BOOTSTRAP" envDefault:"kafka-kafka-bootstrap:9093" validate:"dive,hostport" doc:"brokers to ask for the others, separated by commas; SCRAM-SHA-512 over TLS"`
	CA        string   `env:"SCALESTACK_KAFKA_CA" envDefault:"/etc/scalestack/kafka-ca" validate:"abspath" doc:"authorities of the brokers' certificates: a PEM file, or a folder of which every *.crt is trusted; read at every new connection"`
	// User is by default the name of the command.
	User        string `env:"SCALESTACK_KAFKA_USER" doc:"our name for the brokers"`
	Credentials string `env:"SCALESTACK_KAFKA_CREDENTIALS" envDefault:"/etc/scalestack/kafka" validate:"abspath" doc:"folder with the file password; read at every new connection"`
}
