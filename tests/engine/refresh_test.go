package engine

import (
	"fmt"
	"slices"
	"testing"

	framework "github.com/pulumi/pulumi/pkg/v3/engine/lifecycletest/framework"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/internal/cluster/clustertest"
)

// Each workflow refreshes with the program of the new configuration before it deploys
// (.github/deploy.sh). What is only wanted by then must not count as deployed.

const kedaAutoscaler = "horizontalpodautoscalers/scalestack/keda-hpa-mail"

// asKEDA answers as KEDA does for what the cluster has: the autoscaler carries the
// checksum of the ScaledObject that was applied.
func asKEDA(r *rig, there *clustertest.Fake) func() {
	return func() {
		object, made := r.objects["ScaledObject mail-autoscaler"]
		if !made {
			return
		}
		there.Objects = map[string]map[string]any{
			"scaledobjects/scalestack/mail": {"status": map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": "True"}}}},
			kedaAutoscaler:                  adoptedBy(object["metadata"].ObjectValue()["annotations"]),
		}
	}
}

func adoptedBy(annotations resource.PropertyValue) map[string]any {
	return map[string]any{"metadata": map[string]any{"annotations": annotations.Mappable()}}
}

func mailWith(most int) string {
	return fmt.Sprintf(`{"mail":{"image":"a:1","metricsPort":9090,"replicas":{"min":1,"max":%d},"uses":{"consume":{"topics":["orders"]}},"triggers":{"lag":{"perReplica":100}}}}`, most)
}

func TestARefreshDoesNotWaitForWhatIsNotDeployed(t *testing.T) {
	settings := map[string]string{"services": mailWith(3)}
	r, there := newStackIn(t, settings)
	r.each = asKEDA(r, there)
	r.mustRun(refresh)
	r.mustRun(update)
	r.mustRun(refresh)

	settings["services"] = mailWith(4)
	r.mustRun(refresh)
	r.mustRun(update)

	there.Objects[kedaAutoscaler] = adoptedBy(resource.NewObjectProperty(nil)) // KEDA refuses what was deployed
	settings["services"] = mailWith(5)
	r.mustRun(refresh)
	r.mustRun(update)
}

func TestARefreshDoesNotDeployTopics(t *testing.T) {
	r, args := deployed(t)
	before := *args
	args.Topics = with(args, "mistaken")
	args.Pools = append(slices.Clone(args.Pools), kafka.Pool{Name: "mistaken", Roles: []kafka.Role{kafka.Broker}, Replicas: 3})
	r.mustRun(refresh)
	*args = before // the commit is taken back before anything was deployed
	r.mustRun(update)

	args.Topics = args.Topics[:1]
	for _, op := range []framework.TestOp{refresh, update} {
		said, err := r.run(op, false)
		require.Error(t, err)
		require.Contains(t, said, "topics[orders]: Forbidden: must not leave with its data")
		r.requireNothingLost()
	}
}

// cmd/keptshards takes from the StatefulSets which shards there are and which are drained.
func TestARefreshDoesNotDeployShards(t *testing.T) {
	settings := map[string]string{"postgres": `{"shards":2,"initialShards":2}`}
	r := newStack(t, settings)
	r.mustRun(update)
	for _, next := range []string{`{"shards":1,"initialShards":2}`, `{"shards":2,"initialShards":2,"drain":[1]}`, `{"shards":3,"initialShards":2}`} {
		settings["postgres"] = next
		r.mustRun(refresh)
		metadata := r.find("StatefulSet", "shard-1").Inputs["metadata"].ObjectValue()
		require.Equal(t, "postgres-shard-1", metadata["name"].StringValue())
		require.NotContains(t, metadata["annotations"].Mappable(), postgres.DrainedAnnotation)
		require.NotContains(t, r.objects, "StatefulSet postgres-shard-2")
	}
}
