package stack

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/cluster/clustertest"
)

// oddSettings are unusual, and some of them wrong in a way that only shows when the stack
// puts its parts together.
var oddSettings = map[string]struct{ section, text, want string }{
	"group with a space":     {"services", consumer(`"group":"mail group"`), `scalestack:services.a.uses.consume.group: Invalid value: "mail group": makes the dead-letter topic "mail group_dlq", which must be 1 to 249 letters, digits, '.', '_' and '-'; set deadLetter to keep the group`},
	"group with its letter":  {"services", consumer(`"group":"mail group","deadLetter":"mail_dlq"`), ""},
	"group before a letter":  {"services", consumer(`"group":"-mail"`), `scalestack:services.a.uses.consume.group: Invalid value: "-mail": makes the dead-letter topic "-mail_dlq", which must begin and end with a letter or digit; set deadLetter to keep the group`},
	"every group":            {"services", consumer(`"group":"*","deadLetter":"mail_dlq"`), `scalestack:services.a.uses.consume.group: Invalid value: "*": must be one group: Kafka takes a right on * for one on every group`},
	"letter with a space":    {"services", consumer(`"deadLetter":"bad name"`), `scalestack:services.a.uses.consume.deadLetter: Invalid value: "bad name": must be 1 to 249 letters, digits, '.', '_' and '-'`},
	"letter of two":          {"services", `{"a":{"image":"a:1","uses":{"consume":{"topics":["t"],"deadLetter":"d"}}},"b":{"image":"a:1","uses":{"consume":{"topics":["t"],"deadLetter":"d"}}}}`, ""},
	"topics that are alike":  {"services", `{"a":{"image":"a:1","uses":{"produce":["user_events"]}},"b":{"image":"a:1","uses":{"consume":{"topics":["user.events"]}}}}`, `scalestack:services.b.uses.consume.topics[0]: Invalid value: "user.events": is too like topic "user_events": both become the object user-events`},
	"letters that are alike": {"services", `{"a":{"image":"a:1","uses":{"consume":{"topics":["t"],"group":"m"}}},"b":{"image":"a:1","uses":{"consume":{"topics":["t"],"deadLetter":"m.dlq"}}}}`, `scalestack:services.b.uses.consume.deadLetter: Invalid value: "m.dlq": is too like topic "m_dlq": both become the object m-dlq`},
	"name of no topic":       {"services", `{"Bad Name":{"image":"a:1","uses":{"consume":{"topics":["t"]}}}}`, `scalestack:services.Bad Name.name: Invalid value: "Bad Name": must be a DNS label: at most 63 lower-case letters, digits and '-', with a letter or digit at both ends` + "\n" + `scalestack:services.Bad Name: Invalid value: "Bad Name": must be lower-case letters, digits and '-', with a letter or digit at both ends`},
	"variable of the stack":  {"services", `{"a":{"image":"a:1","env":{"SCALESTACK_SERVICE":"b"}}}`, "scalestack:services.a.env.SCALESTACK_SERVICE: Forbidden: is set by the stack"},
	"folder of the stack":    {"services", `{"a":{"image":"a:1","uses":{"cache":true},"mounts":[{"name":"tmp","path":"/etc/scalestack/redis","emptyDir":"1Mi"}]}}`, `scalestack:services.a.mounts[0].path: Invalid value: "/etc/scalestack/redis": is a folder of the stack`},
	"mount of the stack":     {"services", `{"a":{"image":"a:1","uses":{"cache":true},"mounts":[{"name":"redis","path":"/tmp/a","emptyDir":"1Mi"}]}}`, `scalestack:services.a.mounts[0].name: Invalid value: "redis": is the name of a mount of the stack`},
	"mount of a migration":   {"services", `{"a":{"image":"a:1","migration":{"mounts":[{"name":"shard-map","path":"/tmp/a","emptyDir":"1Mi"}]},"uses":{"shards":{"write":["t"]}}}}`, `scalestack:services.a.migration.mounts[0].name: Invalid value: "shard-map": is the name of a mount of the stack`},
	"pool of the users":      {"kafka", `{"pools":[{"name":"user","roles":["controller","broker"],"replicas":1}]}`, `scalestack:kafka.pools[0].name: Invalid value: "user": must not begin with user: the users' Secrets are called kafka-user-<user>`},
	"more copies":            {"kafka", `{"replicationFactor":4,"topics":[{"name":"a"}]}`, "scalestack:kafka.replicationFactor: Invalid value: 4: must be between 1 and the number of brokers, 3"},
	"one node":               {"kafka", `{"pools":[{"name":"dual","roles":["controller","broker"],"replicas":1}]}`, ""},
	"lag of a group":         {"services", `{"a":{"image":"a:1","triggers":{"lag":{}},"uses":{"consume":{"topics":["t"],"group":"m"}}}}`, ""},
	"nothing":                {"services", `{}`, ""},
}

// consumer is a service that reads a topic in a way of its own.
func consumer(how string) string {
	return `{"a":{"image":"a:1","uses":{"consume":{"topics":["orders"],` + how + `}}}}`
}

// What Load takes, every component takes: a refusal by one would come after others had
// been registered, in words that the user's settings do not have.
func TestWhatIsLoadedIsDeployed(t *testing.T) {
	for name, one := range oddSettings {
		t.Run(name, func(t *testing.T) {
			c, err := load(t, map[string]string{"scalestack:" + one.section: one.text})
			if one.want != "" {
				require.EqualError(t, err, one.want)
				return
			}
			require.NoError(t, err)
			requireDeployed(t, c)
		})
	}
}

func requireDeployed(t *testing.T, c *Config) {
	t.Helper()
	c.connect = (&clustertest.Fake{}).Connect
	require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
		_, err := deploy(ctx, c)
		return err
	}, pulumi.WithMocks(project, "test", echo{})))
}
