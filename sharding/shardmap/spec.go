package shardmap

import (
	"fmt"
	"maps"
	"slices"
)

// MaxWeight is the largest weight of a shard.
const MaxWeight = 1000

// Spec is what a person configures. It alone determines the desired assignment: the
// same Spec gives the same assignment, whatever was there before.
type Spec struct {
	// Buckets is the number of buckets, 1 to MaxBuckets, fixed for the life of
	// the data.
	Buckets int
	// InitialShards is the number of shards that the data started with, 1 to
	// the smaller of Buckets and MaxShards, fixed as well.
	InitialShards int
	// Shards is the number of shards, 1 to the smaller of Buckets and MaxShards. Their
	// ids are 0 to Shards-1. A shard in the middle that is gone for good still counts
	// and stays in Drain; drained shards at the end may be cut off.
	Shards int
	// Weights says, by shard id, how much data a shard takes compared with one of
	// weight 1, the default; 1 to MaxWeight.
	Weights map[int]int
	// Drain lists the ids of shards that must not own a bucket. At least one shard must
	// remain.
	Drain []int
	// Pins places single (hot) buckets: bucket to shard id. A pinned bucket moves
	// alone; no other bucket moves in exchange.
	Pins map[int]int
}

// Validate reports every mistake in the Spec, each an *Error with its path.
func (s Spec) Validate() error {
	var errs mistakes
	errs.between("buckets", s.Buckets, 1, MaxBuckets)
	if s.Buckets > 0 {
		errs.between("initialShards", s.InitialShards, 1, min(s.Buckets, MaxShards))
		errs.between("shards", s.Shards, 1, min(s.Buckets, MaxShards))
	}
	s.validateWeights(&errs)
	s.validateDrain(&errs)
	s.validatePins(&errs)
	return errs.err()
}

func (s Spec) validateWeights(errs *mistakes) {
	for _, id := range slices.Sorted(maps.Keys(s.Weights)) {
		path := fmt.Sprintf("weights.%d", id)
		s.knownShard(errs, path, id)
		errs.between(path, s.Weights[id], 1, MaxWeight)
	}
}

func (s Spec) validateDrain(errs *mistakes) {
	drained := map[int]bool{}
	for i, id := range s.Drain {
		path := fmt.Sprintf("drain[%d]", i)
		s.knownShard(errs, path, id)
		if drained[id] {
			errs.addf(path, "%d is not unique in the list", id)
		}
		drained[id] = true
	}
	if s.Shards > 0 && s.lastActive() < 0 {
		errs.addf("drain", "%v is not allowed to name every shard: one of the %d must stay", s.Drain, s.Shards)
	}
}

func (s Spec) validatePins(errs *mistakes) {
	for _, bucket := range slices.Sorted(maps.Keys(s.Pins)) {
		path, id := fmt.Sprintf("pins.%d", bucket), s.Pins[bucket]
		if s.Buckets > 0 && (bucket < 0 || bucket >= s.Buckets) {
			errs.addf(path, "%d is not a bucket between 0 and %d", bucket, s.Buckets-1)
		}
		s.knownShard(errs, path, id)
		if slices.Contains(s.Drain, id) {
			errs.addf(path, "%d is not a shard to pin to: it is drained", id)
		}
	}
}

func (s Spec) knownShard(errs *mistakes, path string, id int) {
	if s.Shards > 0 && (id < 0 || id >= s.Shards) {
		errs.addf(path, "%d is not a shard id between 0 and %d", id, s.Shards-1)
	}
}

// lastActive returns the highest id that is not drained, or -1.
func (s Spec) lastActive() int {
	for id := s.Shards - 1; id >= 0; id-- {
		if !slices.Contains(s.Drain, id) {
			return id
		}
	}
	return -1
}

func (s Spec) weight(id int) int {
	if weight, set := s.Weights[id]; set {
		return weight
	}
	return 1
}
