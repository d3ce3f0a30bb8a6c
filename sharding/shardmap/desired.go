package shardmap

import (
	"maps"
	"slices"
)

// Desired returns the assignment that the Spec asks for: assignment[bucket] is the id
// of the owning shard.
//
// It replays a fixed sequence of events: the base map, the further shards, the weights
// and the drains, each by ascending id, and finally the pins. A configuration that adds
// one event at the end therefore moves the fewest buckets possible: starting from equal
// shards, any number of new shards, one weight, one drain and any pin. docs/shardmap.md
// says what is minimal and what cannot be.
func Desired(spec Spec) ([]int, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	active := spec.lastActive() + 1
	l := newLayout(spec.Buckets, spec.InitialShards)
	for id := spec.InitialShards; id < active; id++ {
		l.setWeight(id, 1)
	}
	for id, weight := range spec.reducedWeights(active) {
		l.setWeight(id, weight)
	}
	for _, id := range spec.drained(active) {
		l.setWeight(id, 0)
	}
	for bucket, id := range spec.Pins {
		l.owner[bucket] = id
	}
	return l.owner, nil
}

// drained lists, ascending, the shards to empty. Shards behind the last active one
// count as never added, whether they are listed or already cut off, so that cutting
// them off moves nothing. An initial shard cannot be undone that way; it is drained.
func (s Spec) drained(active int) []int {
	ids := map[int]bool{}
	for _, id := range s.Drain {
		if id < active {
			ids[id] = true
		}
	}
	for id := active; id < s.InitialShards; id++ {
		ids[id] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// reducedWeights divides the weights of the shards that count by their greatest common
// divisor: shards that all have weight 2 are equal shards.
func (s Spec) reducedWeights(shards int) []int {
	weights, common := make([]int, shards), 0
	for id := range weights {
		weights[id] = s.weight(id)
		common = gcd(weights[id], common)
	}
	for id := range weights {
		weights[id] /= common
	}
	return weights
}

// New returns the valid map that the Spec asks for on the given shards. Shards that own
// no bucket may be left out.
func New(cluster string, generation int64, spec Spec, shards []Shard) (*Map, error) {
	assignment, err := Desired(spec)
	if err != nil {
		return nil, err
	}
	m := &Map{
		Format: Format, Cluster: cluster, Generation: generation,
		Buckets: spec.Buckets, InitialShards: spec.InitialShards,
		Shards: slices.Clone(shards), Assignment: assignment,
	}
	return m, m.Validate()
}
