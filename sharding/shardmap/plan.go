package shardmap

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Plan says what has to move to get from one map to another.
type Plan struct {
	// Moves holds the buckets that change owner, grouped by source and target, in
	// ascending order of both.
	Moves []Move
	// Balance holds the shards of both maps, by ascending id.
	Balance []Balance
	// Buckets is the number of buckets of the cluster.
	Buckets int
	// Moved is the number of buckets that move.
	Moved int
	// Minimum is the least number of buckets that must move to get from one map's
	// bucket counts to the other's: the sum of what the growing shards gain.
	Minimum int
}

// Move is a batch of buckets with the same source and target.
type Move struct {
	// From and To are shard ids.
	From, To int
	// Buckets are the buckets to move, ascending.
	Buckets []int
}

// Balance is the number of buckets of one shard in both maps.
type Balance struct {
	// Shard is the shard's id.
	Shard int
	// Before and After count the buckets that it owns in the first and the second map.
	Before, After int
}

// NewPlan compares two valid maps of one cluster. It refuses a change that no move can
// make: another cluster, other fixed numbers, or a shard that is missing but owns
// buckets. The error holds every mistake, each an *Error.
func NewPlan(from, to *Map) (*Plan, error) {
	if err := refuse(from, to); err != nil {
		return nil, err
	}
	p := &Plan{Buckets: from.Buckets, Moves: moves(from.Assignment, to.Assignment), Balance: balance(from, to)}
	for _, move := range p.Moves {
		p.Moved += len(move.Buckets)
	}
	for _, b := range p.Balance {
		p.Minimum += max(0, b.After-b.Before)
	}
	return p, nil
}

func refuse(from, to *Map) error {
	var errs mistakes
	if to.Cluster != from.Cluster {
		errs.addf("cluster", "%q is not %q, the cluster of the map in use", to.Cluster, from.Cluster)
	}
	if to.Buckets != from.Buckets {
		errs.addf("buckets", "%d is not %d: the number of buckets is fixed for the life of the data", to.Buckets, from.Buckets)
	}
	if to.InitialShards != from.InitialShards {
		errs.addf("initialShards", "%d is not %d: the initial number is fixed for the life of the data", to.InitialShards, from.InitialShards)
	}
	counts := from.Counts()
	for _, shard := range from.Shards {
		if owned := counts[shard.ID]; owned > 0 && to.Shard(shard.ID) == nil {
			errs.addf("shards", "%s is not there any more but owns %d buckets: drain it first", shard.Name, owned)
		}
	}
	return errs.err()
}

func moves(from, to []int) []Move {
	batches := map[[2]int][]int{}
	for bucket, source := range from {
		if target := to[bucket]; target != source {
			route := [2]int{source, target}
			batches[route] = append(batches[route], bucket)
		}
	}
	list := make([]Move, 0, len(batches))
	for route, buckets := range batches {
		list = append(list, Move{From: route[0], To: route[1], Buckets: buckets})
	}
	slices.SortFunc(list, func(a, b Move) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	return list
}

func balance(from, to *Map) []Balance {
	before, after := from.Counts(), to.Counts()
	ids := maps.Clone(before)
	maps.Copy(ids, after)
	var list []Balance
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		list = append(list, Balance{Shard: id, Before: before[id], After: after[id]})
	}
	return list
}

// Why explains in one sentence why fewer buckets than Minimum are not enough.
func (p *Plan) Why() string {
	var gains []string
	for _, b := range p.Balance {
		if b.After > b.Before {
			gains = append(gains, fmt.Sprintf("shard %d must gain %d", b.Shard, b.After-b.Before))
		}
	}
	if len(gains) == 0 {
		return "no shard gains a bucket"
	}
	return strings.Join(gains, ", ")
}

// String shows the plan to a person: the total, the reason, and one line per move.
func (p *Plan) String() string {
	if p.Moved == 0 {
		return "no bucket moves\n"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "buckets that move: %d of %d; the minimum is %d: %s\n", p.Moved, p.Buckets, p.Minimum, p.Why())
	for _, move := range p.Moves {
		fmt.Fprintf(&text, "  shard %d -> shard %d: %d\n", move.From, move.To, len(move.Buckets))
	}
	return text.String()
}

// ModulusMoves returns the share, 0 to 1, of users that would move if users lay on
// shard userID % from and had to lie on userID % to.
func ModulusMoves(from, to int) float64 {
	return 1 - float64(gcd(from, to))/float64(max(from, to))
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
