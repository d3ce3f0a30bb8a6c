package stack

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/internal/cluster"
	"github.com/scalestack/scalestack/internal/settings"
)

// Annotations of the namespace. They stay with the data when the stack is destroyed or
// its state is lost.
const (
	// ownerAnnotation names the stack and the cluster: ORGANIZATION/PROJECT/STACK@UID.
	ownerAnnotation = "scalestack/owner"
	// The others record what the data is laid out for.
	shardsAnnotation        = "scalestack/shards"
	bucketsAnnotation       = "scalestack/buckets"
	initialShardsAnnotation = "scalestack/initial-shards"
)

// Connect finds a cluster and asks it for its identity.
type Connect func(context.Context, cluster.Target) (cluster.Interface, error)

// WithCluster replaces the connection to the cluster, for tests.
func WithCluster(connect Connect) Option {
	return func(c *Config) { c.connect = connect }
}

// findings are what a run finds out before it registers anything.
type findings struct {
	stack   string // its full name
	cluster string
	// namespace is the configured one, nil if the cluster has none of that name.
	namespace *cluster.Object
	// former is the one in the state, if the state does not know its cluster.
	former *cluster.Object
	// largest is the shard with the most members, if the state does not know how many
	// there were.
	largest shardMembers
	// deleted lists volume claims with data that somebody has deleted and that only
	// their pods keep.
	deleted []string
	// growing lists the volumes that are smaller than intended.
	growing []string
	// running is only asked for if the namespace exists.
	running running
	past    past
}

// target is what this run deploys to. Lookups and the provider use the same one.
func (c *Config) target() cluster.Target {
	return cluster.Target{Kubeconfig: os.Getenv("KUBECONFIG"), Context: c.Kubernetes.Context}
}

// guard refuses to deploy where that would harm another stack, another cluster or
// another layout of the data, in the preview as well as in the update. If it cannot
// find out, it refuses.
func (c *Config) guard(ctx *pulumi.Context) error {
	found, err := c.find(ctx)
	if err != nil {
		return err
	}
	if err := refusal(c.judge(found)); err != nil {
		return err
	}
	recorded, isOld, err := record(ctx, found.cluster, c.Namespace)
	if err != nil {
		return err
	}
	// A first deployment that failed has created Secrets, but has no outputs that would
	// show it.
	if isOld && found.past.makers == nil {
		if err := recorded.readResources(ctx); err != nil {
			return err
		}
	}
	if err := refusal(append(c.judgeTarget(found.cluster, recorded), c.judgeSecrets(recorded)...)); err != nil {
		return err
	}
	c.settle(found)
	if found.namespace == nil && found.past.namespace != "" && !c.renders() {
		if err := ctx.Log.Warn("namespace "+c.Namespace+" is gone from the cluster, and the state still has what was in it, so that nothing of that is made again. "+
			"Fix: pulumi refresh --run-program, and pulumi up", nil); err != nil {
			return err
		}
	}
	if err := c.tellConnections(ctx, found.past); err != nil {
		return err
	}
	return c.tellGrowth(ctx, found.growing)
}

// find asks the cluster and the state.
func (c *Config) find(ctx *pulumi.Context) (findings, error) {
	f := findings{stack: stackName(ctx)}
	there, err := c.reach(ctx.Context())
	if err != nil {
		return f, fmt.Errorf("%s cannot be asked who it is, and nothing was changed: %w", c.reached(), err)
	}
	f.cluster = there.ID()
	if f.past, err = readPast(ctx); err != nil {
		return f, fmt.Errorf("the state cannot be read, and nothing was changed: %w", err)
	}
	if f.namespace, err = there.Namespace(ctx.Context(), c.Namespace); err != nil {
		return f, fmt.Errorf("%s does not say whose the namespace is, and nothing was changed: %w", c.reached(), err)
	}
	f.former = f.namespace
	if f.past.unmarked() && f.past.namespace != c.Namespace {
		if f.former, err = there.Namespace(ctx.Context(), f.past.namespace); err != nil {
			return f, err
		}
	}
	// Another cluster is refused as such, whatever it shows.
	if f.namespace == nil || len(c.misplaced(f)) > 0 {
		return f, nil
	}
	claims, err := there.Metadata(ctx.Context(), volumeClaims, c.Namespace)
	if err != nil {
		return f, fmt.Errorf("%s does not say which volume claims there are, and nothing was changed: %w", c.reached(), err)
	}
	f.deleted = deletedClaims(claims)
	volumes, err := there.List(ctx.Context(), volumeClaims, c.Namespace)
	if err != nil {
		return f, fmt.Errorf("%s does not say how large its volumes are, and nothing was changed: %w", c.reached(), err)
	}
	f.growing = c.growing(volumes)
	// With a state the engine tells the component how many there were.
	if f.past.layout == nil {
		f.largest = c.largestShard(claims)
	}
	if f.running, err = c.findRunning(ctx.Context(), there); err != nil {
		return f, fmt.Errorf("%s does not say what is running, and nothing was changed: %w", c.reached(), err)
	}
	return f, nil
}

var volumeClaims = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}

// shardMembers is a shard and the least number of members that it has had.
type shardMembers struct{ shard, members int }

// largestShard judges by the claims that outlived the state.
func (c *Config) largestShard(claims []cluster.Object) shardMembers {
	var names []string
	for _, claim := range claims {
		names = append(names, claim.Name)
	}
	var largest shardMembers
	for _, id := range c.shardIDs() {
		if members := postgres.MembersOf(postgresName, id, names); members > largest.members {
			largest = shardMembers{id, members}
		}
	}
	return largest
}

// deletedClaims returns the claims of shards and of Kafka's nodes that would disappear
// with their pods.
func deletedClaims(claims []cluster.Object) []string {
	var deleted []string
	for _, claim := range claims {
		if claim.Deleted && (postgres.HasClaim(postgresName, claim.Name) || kafka.HasClaim(kafkaName, claim.Name)) {
			deleted = append(deleted, claim.Name)
		}
	}
	slices.Sort(deleted)
	return deleted
}

// reached names the cluster the way the user selected it.
func (c *Config) reached() string {
	switch {
	case c.renders():
		return "the cluster of the rendered files"
	case c.Kubernetes.Context == "":
		return "the cluster of the kubeconfig's current context"
	}
	return "the cluster of context " + c.Kubernetes.Context
}

// refusal makes one error of the mistakes, with their paths as the user knows them.
func refusal(errs field.ErrorList) error {
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("the deployment is refused, nothing was changed:\n%w", settings.Err(ordered(errs)))
}

// marks returns the namespace's annotations.
func (c *Config) marks(f findings) map[string]string {
	return map[string]string{
		ownerAnnotation:         owner(f.stack, f.cluster),
		shardsAnnotation:        c.shardsName,
		bucketsAnnotation:       strconv.Itoa(c.Postgres.Buckets),
		initialShardsAnnotation: strconv.Itoa(c.Postgres.InitialShards),
	}
}

// settle keeps the findings that the deployment needs.
func (c *Config) settle(f findings) {
	c.clusterID = f.cluster
	c.shardsName = c.nameOfShards(f)
	c.newShards = c.newShardIDs(f)
	c.unfinishedRotations, c.unnumberedRotation = c.unfinished(f.past), f.past.unnumbered
	c.localSuperuser = f.past.localSuperuser || len(c.newShards) == len(c.shardIDs())
	c.Redis.Later = c.laterCachePasswords(f.past)
	c.namespaceMarks = c.marks(f)
}

func owner(stack, clusterID string) string { return stack + "@" + clusterID }
