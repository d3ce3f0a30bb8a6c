package shardmap

import (
	"maps"
	"slices"
)

// Desired returns the assignment that the Spec asks for: assignment[bucket] is
// the id of the owning shard.
//
// It replays one fixed order of events: the base map, the weights of the
// initial shards, every further shard by ascending id, every drain by ascending
// id, the pins. Since growth comes after the base map and drains come last,
// adding shards at the end, removing them again and draining a shard each move
// the fewest buckets possible; docs/shardmap.md says what else does and does not.
func Desired(spec Spec) ([]int, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	active := spec.lastActive() + 1
	l := newLayout(spec.Buckets, spec.InitialShards)
	for id := range min(spec.InitialShards, active) {
		l.setWeight(id, spec.weight(id))
	}
	for id := spec.InitialShards; id < active; id++ {
		l.setWeight(id, spec.weight(id))
	}
	for _, id := range spec.drained(active) {
		l.setWeight(id, 0)
	}
	for bucket, id := range spec.Pins {
		l.owner[bucket] = id
	}
	return l.owner, nil
}

// drained lists, ascending, the shards to empty. Those behind the last active
// shard count as never added, whether they are listed or cut off already, so
// that cutting them off moves nothing. An initial shard cannot be unmade that
// way: it is drained.
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

// New returns the valid map that the Spec asks for on those shards. Shards that
// own no bucket may be left out.
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
