package stack

import (
	"errors"
	"fmt"

	"github.com/scalestack/scalestack/components/base"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/internal/check"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// generation of every map: a program without memory cannot count. Nothing
// depends on it, because which of two owners is the later one is told by the
// epochs in the shards.
const generation = 1

// spec is what the settings say of where users are to be.
func (c *Config) spec() shardmap.Spec {
	p := c.Postgres
	return shardmap.Spec{
		Buckets: p.Buckets, InitialShards: p.InitialShards, Shards: p.Shards,
		Weights: p.Weights, Drain: p.Drain, Pins: p.Pins,
	}
}

func (c *Config) checkShards(errs *check.Errors) {
	mergeShardErrors(errs, "postgres", c.spec().Validate())
}

// mergeShardErrors adds the mistakes that shardmap found, with prefix before
// each path.
func mergeShardErrors(errs *check.Errors, prefix string, err error) {
	var many interface{ Unwrap() []error }
	var one *shardmap.Error
	switch {
	case err == nil:
	case errors.As(err, &many):
		for _, err := range many.Unwrap() {
			mergeShardErrors(errs, prefix, err)
		}
	case errors.As(err, &one):
		errs.Addf(prefix+"."+one.Path, "%s", one.Problem)
	default:
		errs.Addf(prefix, "%v", err)
	}
}

// shardMap is the desired one. A drained shard is in it until it leaves the
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
	return shardmap.New(c.Namespace, generation, c.spec(), shards)
}

func (c *Config) shardIDs() []int {
	ids := make([]int, c.Postgres.Shards)
	for i := range ids {
		ids[i] = i
	}
	return ids
}

func (c *Config) baseArgs() (*base.Args, error) {
	m, err := c.shardMap()
	if err != nil {
		return nil, err
	}
	encoded, err := m.Encode()
	return &base.Args{Namespace: c.Namespace, ShardMap: string(encoded)}, err
}
