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

// A major upgrade: every shard gives its buckets to a new one, and then the old ones go.
func TestShardsGoThatAreNotTheLastOnes(t *testing.T) {
	four, eight := mapOf(t, `{"shards":4}`), mapOf(t, `{"shards":8,"drain":[0,1,2,3]}`)
	require.Equal(t, map[int]int{0: 0, 1: 0, 2: 0, 3: 0, 4: 240, 5: 240, 6: 240, 7: 240}, eight.Counts())
	plan, err := shardmap.NewPlan(four, eight)
	require.NoError(t, err)
	require.Equal(t, 960, plan.Moved, "each bucket once")

	gone := mapOf(t, `{"shards":8,"drain":[0,1,2,3],"gone":[3,0,1,2]}`)
	require.Equal(t, eight.Assignment, gone.Assignment, "leaving out empty shards moves nothing")
	require.Equal(t, map[int]int{4: 240, 5: 240, 6: 240, 7: 240}, gone.Counts())
	plan, err = shardmap.NewPlan(eight, gone)
	require.NoError(t, err)
	require.Zero(t, plan.Moved)

	back := mapOf(t, `{"shards":8}`)
	plan, err = shardmap.NewPlan(eight, back)
	require.NoError(t, err)
	require.Equal(t, plan.Minimum, plan.Moved)
}

func TestAShardWithBucketsCannotBeGone(t *testing.T) {
	_, err := shardmap.NewPlan(mapOf(t, `{"shards":5}`), mapOf(t, `{"shards":5,"drain":[1],"gone":[1]}`))
	require.EqualError(t, err, "shards: shard-1 is not there any more but owns 192 buckets: drain it first")
}

func TestGoneShardsAreNoShards(t *testing.T) {
	c, err := load(t, map[string]string{"scalestack:postgres": `{"shards":5,"drain":[1,2],"gone":[1],"images":{"4":"postgres:17.5"}}`})
	require.NoError(t, err)
	args := c.postgresArgs(pulumi.String("here"))
	require.Equal(t, []int{0, 2, 3, 4}, args.Shards)
	require.Equal(t, []int{2}, args.Drained)
	require.Equal(t, map[int]pulumi.StringInput{4: pulumi.String("postgres:17.5")}, args.Images)
	require.NoError(t, args.Validate())
	require.Equal(t, []int{1, 2}, c.Postgres.Drain, "the map's own list keeps it")
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
		`{"shards":5}`, `{"drain":[3]}`, `{"drain":[3],"gone":[3]}`, `{"weights":{"2":3}}`, `{"pins":{"2":3}}`, `{"initialShards":3}`, `{"buckets":100}`,
	} {
		require.NotEqual(t, same, structure(changed), changed)
	}
	require.NotEqual(t, structure(`{"drain":[3]}`), structure(`{"drain":[3],"gone":[3]}`))
	require.Equal(t, structure(`{"drain":[3,2],"gone":[2,3]}`), structure(`{"drain":[3,2],"gone":[3,2]}`))
	require.Equal(t, same, structure(`{"images":{"2":"postgres:17.5"}}`), "a server's version is not the map's matter")
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
