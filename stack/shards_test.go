package stack

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/job"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

func mapOf(t *testing.T, postgres string) *shardmap.Map {
	t.Helper()
	c, err := load(t, map[string]string{"scalestack:postgres": postgres})
	require.NoError(t, err)
	m, err := c.shardMap()
	require.NoError(t, err)
	return m
}

func TestWithoutChangesUsersLieByModulus(t *testing.T) {
	require.Equal(t, shardmap.Base(960, 4), mapOf(t, `{}`).Assignment)
}

func TestShardsGrowAndShrink(t *testing.T) {
	four, six := mapOf(t, `{"shards":4}`), mapOf(t, `{"shards":6}`)
	require.Equal(t, map[int]int{0: 160, 1: 160, 2: 160, 3: 160, 4: 160, 5: 160}, six.Counts())
	plan, err := shardmap.NewPlan(four, six)
	require.NoError(t, err)
	require.Equal(t, 320, plan.Moved)
	require.Equal(t, plan.Minimum, plan.Moved)

	drained, five := mapOf(t, `{"shards":6,"drain":[5]}`), mapOf(t, `{"shards":5}`)
	require.Equal(t, map[int]int{0: 192, 1: 192, 2: 192, 3: 192, 4: 192, 5: 0}, drained.Counts())
	require.Equal(t, drained.Assignment, five.Assignment, "leaving out an empty shard moves nothing")
	require.Len(t, five.Shards, 5)
}

func TestWeightsAndPins(t *testing.T) {
	m := mapOf(t, `{"shards":5,"weights":{"4":2},"pins":{"17":3}}`)
	require.Equal(t, map[int]int{0: 160, 1: 160, 2: 160, 3: 161, 4: 319}, m.Counts())
	require.Equal(t, 3, m.Assignment[17])
	require.EqualValues(t, 1, m.Generation)
}

// The same settings in another order are the same work.
func TestJobsAreNewWhenTheMapIs(t *testing.T) {
	structure := func(postgres string) string {
		c, err := load(t, map[string]string{"scalestack:postgres": postgres})
		require.NoError(t, err)
		return c.structure()
	}
	same := structure(`{}`)
	require.Equal(t, same, structure(`{"shards":4,"protect":true,"maxConnections":200}`))
	for _, changed := range []string{
		`{"shards":5}`, `{"drain":[3]}`, `{"weights":{"2":3}}`, `{"pins":{"2":3}}`, `{"initialShards":3}`, `{"buckets":100}`,
	} {
		require.NotEqual(t, same, structure(changed), changed)
	}
	require.Equal(t, structure(`{"pins":{"2":3,"1":0}}`), structure(`{"pins":{"1":0,"2":3}}`))
}

// The mover starts again when it could come to another end. Who may read its
// metrics makes no difference to that.
func TestTheMoverKnowsItsSettings(t *testing.T) {
	here := pulumi.String("here")
	mover := func(postgres string) *job.Args {
		c, err := load(t, map[string]string{"scalestack:postgres": postgres, "scalestack:metrics": `{"scrapers":[{"pods":{"app":"prometheus"}}]}`})
		require.NoError(t, err)
		return c.reshardArgs(here, here, here)
	}
	args := mover(`{}`)
	require.Equal(t, pulumi.String("10737418240"), args.BaseEnv["SCALESTACK_RESHARD_VOLUME"])
	require.Equal(t, 9090, args.Port)
	require.Equal(t, []k8s.Peer{{Pods: pulumi.StringMap{"app": pulumi.String("prometheus")}}}, args.IngressFrom)
	unwatched, err := load(t, nil)
	require.NoError(t, err)
	require.Equal(t, args.Revision, unwatched.reshardArgs(here, here, here).Revision)
	for _, changed := range []string{`{"moves":{"batch":16}}`, `{"moves":{"observe":60}}`, `{"storage":{"size":"20Gi"}}`, `{"passwordRotation":1}`} {
		require.NotEqual(t, args.Revision, mover(changed).Revision, changed)
	}
}
