package stack

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// generation of every map: the program is stateless, so it is always 1. Nothing
// depends on it, because the epochs in the shards tell which of two owners is the
// later one.
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
	return shardErrors(sectionPath("postgres"), c.spec().Validate())
}

// shardErrors puts the mistakes that shardmap found below path.
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
		// The problem quotes the value.
		return field.ErrorList{field.Invalid(path.Child(one.Path), field.OmitValueType{}, one.Problem)}
	}
	return field.ErrorList{field.InternalError(path, err)}
}

// shardMap is the desired map. A drained shard is in it until it leaves the
// settings: what is left in it has to be found.
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

// mapOutput says of the map what people and other programs ask for, and where the map
// itself is: in an output, one number would be 960 lines of a diff.
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

func (c *Config) shardIDs() []int {
	ids := make([]int, c.Postgres.Shards)
	for i := range ids {
		ids[i] = i
	}
	return ids
}
