package stack

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// generation is that of every map: the program is stateless, so it is always 1. Nothing
// depends on it, because the epochs on the shards tell which of two owners is the later
// one.
const generation = 1

// spec is the desired state of the shards.
func (c *Config) spec() shardmap.Spec {
	p := c.Postgres
	return shardmap.Spec{
		Buckets: p.Buckets, InitialShards: p.InitialShards, Shards: p.Shards,
		Weights: p.Weights, Drain: p.Drain, Pins: p.Pins,
	}
}

func (c *Config) checkShards() field.ErrorList {
	path := sectionPath("postgres")
	return slices.Concat(shardErrors(path, c.spec().Validate()), c.checkGone(path.Child("gone")), c.checkShardImages(path.Child("images")))
}

// checkGone refuses to drop a shard that the map may give a bucket to. Not all shards
// can be gone, because not all can be drained.
func (c *Config) checkGone(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, id := range c.Postgres.Gone {
		switch at := path.Index(i); {
		case slices.Contains(c.Postgres.Gone[:i], id):
			errs = append(errs, field.Duplicate(at, id))
		case id < 0 || id >= c.Postgres.Shards:
			errs = append(errs, field.Invalid(at, id, fmt.Sprintf("must be a shard id between 0 and %d", c.Postgres.Shards-1)))
		case !slices.Contains(c.Postgres.Drain, id):
			errs = append(errs, field.Invalid(at, id, "must be in drain: a shard gives its buckets away before it goes, and stays there"))
		}
	}
	return errs
}

// checkShardImages refuses an image that no server would use.
func (c *Config) checkShardImages(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, id := range slices.Sorted(maps.Keys(c.Postgres.Images)) {
		if !slices.Contains(c.shardIDs(), id) {
			errs = append(errs, field.Invalid(path.Child(strconv.Itoa(id)), id, "the key must be one of the shards"))
		}
	}
	return errs
}

// shardErrors puts shardmap's mistakes below path.
func shardErrors(path *field.Path, err error) field.ErrorList {
	var many interface{ Unwrap() []error }
	var one *shardmap.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many):
		var errs field.ErrorList
		for _, err := range many.Unwrap() {
			errs = append(errs, shardErrors(path, err)...)
		}
		return errs
	case errors.As(err, &one):
		// The problem already quotes the value.
		return field.ErrorList{field.Invalid(path.Child(one.Path), field.OmitValueType{}, one.Problem)}
	}
	return field.ErrorList{field.InternalError(path, err)}
}

// shardMap is the desired map. A drained shard stays in it until it leaves the settings
// or is gone, so that whatever is left on it can be found.
func (c *Config) shardMap() (*shardmap.Map, error) {
	var shards []shardmap.Shard
	for _, id := range c.shardIDs() {
		shards = append(shards, shardmap.Shard{
			ID:       id,
			Name:     postgres.ShardName(id),
			Host:     fmt.Sprintf("%s-%s.%s.svc.cluster.local", postgresName, postgres.ShardName(id), c.Namespace),
			Port:     postgres.Port,
			Database: postgres.Database(id),
		})
	}
	return shardmap.New(cmp.Or(c.shardsName, c.Namespace), generation, c.spec(), shards)
}

// mapOutput describes the map for people and other programs, and says where the map
// itself is: as an output, one changed number would be 960 lines of a diff.
func mapOutput(m *shardmap.Map, configMap pulumi.StringInput) pulumi.Map {
	owned := pulumi.IntMap{}
	for id, buckets := range m.Counts() {
		owned[m.Shard(id).Name] = pulumi.Int(buckets)
	}
	return pulumi.Map{
		mapCluster:       pulumi.String(m.Cluster),
		mapBuckets:       pulumi.Int(m.Buckets),
		mapInitialShards: pulumi.Int(m.InitialShards),
		"owned":          owned,
		"configMap":      configMap,
		"key":            pulumi.String(shardMapKey),
	}
}

// shardIDs returns the shards that have servers.
func (c *Config) shardIDs() []int {
	var ids []int
	for id := range c.Postgres.Shards {
		if !slices.Contains(c.Postgres.Gone, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// newShardIDs returns those of them that no deployment can have created: the state does
// not have them, or there is not even a namespace. If a state was lost, nothing is
// known.
func (c *Config) newShardIDs(f findings) []int {
	if f.namespace != nil && len(f.past.shards) == 0 {
		return nil
	}
	return slices.DeleteFunc(c.shardIDs(), func(id int) bool { return slices.Contains(f.past.shards, postgres.ShardName(id)) })
}

// drainedIDs returns those of them that give their buckets away.
func (c *Config) drainedIDs() []int {
	return slices.DeleteFunc(slices.Clone(c.Postgres.Drain), func(id int) bool { return slices.Contains(c.Postgres.Gone, id) })
}
