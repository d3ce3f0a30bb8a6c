package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

// holders are the objects that hold a cluster's data.
var holders = [][2]string{
	{"Kafka", "kafka"}, {"KafkaNodePool", "brokers"}, {"KafkaNodePool", "controllers"},
	{"KafkaTopic", "user-events"}, {"KafkaTopic", "email-dlq"},
}

// A Kafka resource that is made anew has another cluster id, and no broker starts on a
// volume of the old one.
func TestWhatHoldsDataIsLeftAndAdopted(t *testing.T) {
	r := run(t, production())
	for _, one := range holders {
		object := r.Get(t, one[0], one[1])
		require.True(t, object.RegisterRPC.GetRetainOnDelete(), one)
		require.False(t, object.RegisterRPC.GetProtect(), one)
		require.Equal(t, "scalestack", kubetest.Text(object, `metadata.annotations["pulumi.com/patchFieldManager"]`), one)
	}
	require.False(t, r.Get(t, "KafkaUser", "relay").RegisterRPC.GetRetainOnDelete(), "access ends with the stack")
}

func TestProtectRefusesToLetGo(t *testing.T) {
	a := production()
	a.Protect = true
	r := run(t, a)
	for _, one := range holders {
		object := r.Get(t, one[0], one[1])
		require.True(t, object.RegisterRPC.GetProtect(), one)
		require.True(t, object.RegisterRPC.GetRetainOnDelete(), one)
	}
	require.False(t, r.Get(t, "KafkaUser", "relay").RegisterRPC.GetProtect())
}

func TestWhatIsNamedAsRemovedMayGo(t *testing.T) {
	a := production()
	a.Protect = true
	a.Pools = append(a.withDefaults().Pools, pool(1, Broker)...)
	a.Removed = Removed{Pools: []string{"extra"}, Topics: []string{"email_dlq"}}
	r := run(t, a)
	for _, one := range [][2]string{{"KafkaNodePool", "extra"}, {"KafkaTopic", "email-dlq"}} {
		rpc := r.Get(t, one[0], one[1]).RegisterRPC
		require.False(t, rpc.GetProtect() || rpc.GetRetainOnDelete(), one)
	}
	rpc := r.Get(t, "KafkaNodePool", "brokers").RegisterRPC
	require.True(t, rpc.GetProtect() && rpc.GetRetainOnDelete())
	filled := a.withDefaults()
	require.Equal(t, []string{"brokers", "controllers"}, filled.keptPools())
	require.Equal(t, []string{"product_events", "profiles", "user_events"}, filled.keptTopics())
}

func TestRemovedIsChecked(t *testing.T) {
	requireMistakes(t, map[string]func(*Args){
		`removed.pools[0]: Invalid value: "Old": must be a DNS label`: func(a *Args) { a.Removed.Pools = []string{"Old"} },
		`removed.pools[1]: Duplicate value: "old"`:                    func(a *Args) { a.Removed.Pools = []string{"old", "old"} },
		`removed.topics[1]: Duplicate value: "old"`:                   func(a *Args) { a.Removed.Topics = []string{"old", "old"} },
		`removed.messages[1]: Duplicate value: "old"`:                 func(a *Args) { a.Removed.Messages = []string{"old", "old"} },
	})
}

// In the foreground, which is Pulumi's default, the operator sees its objects changed
// and makes them again.
func TestDeletionsGoOnInTheBackground(t *testing.T) {
	r := run(t, production())
	for _, one := range append([][2]string{{"KafkaUser", "relay"}, {"KafkaUser", "audit"}}, holders...) {
		object := r.Get(t, one[0], one[1])
		require.Equal(t, "background", kubetest.Text(object, `metadata.annotations["pulumi.com/deletionPropagationPolicy"]`), one)
	}
}
