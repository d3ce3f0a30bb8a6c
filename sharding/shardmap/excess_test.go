package shardmap

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// change draws a configuration of 4 to 12 shards and one change of it.
type change func(*rand.Rand) (from, to Spec)

func drawn(r *rand.Rand) Spec {
	return Spec{Buckets: DefaultBuckets, InitialShards: 2 + r.IntN(4), Shards: 6 + r.IntN(7)}
}

func drawnWithDrain(r *rand.Rand) Spec {
	spec := drawn(r)
	spec.Drain = []int{r.IntN(spec.Shards - 1)}
	return spec
}

func grown(spec Spec) (from, to Spec) {
	to = spec
	to.Shards++
	return spec, to
}

func drawnWithWeight(r *rand.Rand) Spec {
	spec := drawn(r)
	spec.Weights = map[int]int{r.IntN(spec.Shards): 2}
	return spec
}

func drainedToo(spec Spec, id int) (from, to Spec) {
	to = spec
	to.Drain = append(slices.Clone(spec.Drain), id)
	return spec, to
}

func reweighed(r *rand.Rand, spec Spec) (from, to Spec) {
	to = spec
	to.Weights = map[int]int{r.IntN(spec.Shards): 3}
	maps.Copy(to.Weights, spec.Weights)
	return spec, to
}

// BenchmarkMoves measures moved buckets against the minimum, over many drawn
// changes of each kind. 1.00 is the minimum; the kinds that docs/shardmap.md
// calls exact are proven by the property tests.
func BenchmarkMoves(b *testing.B) {
	for _, kind := range []struct {
		name string
		draw change
	}{
		{"add-a-shard", func(r *rand.Rand) (Spec, Spec) { return grown(drawn(r)) }},
		{"drain-a-shard", func(r *rand.Rand) (Spec, Spec) { s := drawn(r); return drainedToo(s, r.IntN(s.Shards)) }},
		{"add-while-one-is-drained", func(r *rand.Rand) (Spec, Spec) { return grown(drawnWithDrain(r)) }},
		{"drain-a-second-above", func(r *rand.Rand) (Spec, Spec) {
			s := drawn(r)
			s.Drain = []int{1}
			return drainedToo(s, 2)
		}},
		{"drain-a-second-below", func(r *rand.Rand) (Spec, Spec) {
			s := drawn(r)
			s.Drain = []int{2}
			return drainedToo(s, 1)
		}},
		{"weigh-a-shard", func(r *rand.Rand) (Spec, Spec) { return reweighed(r, drawn(r)) }},
		{"weigh-a-second", func(r *rand.Rand) (Spec, Spec) { return reweighed(r, drawnWithWeight(r)) }},
		{"add-while-one-has-a-weight", func(r *rand.Rand) (Spec, Spec) { return grown(drawnWithWeight(r)) }},
		{"drain-while-one-has-a-weight", func(r *rand.Rand) (Spec, Spec) {
			s := drawnWithWeight(r)
			return drainedToo(s, r.IntN(s.Shards))
		}},
	} {
		b.Run(kind.name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(4, 6))
			var all, least int
			worst := 1.0
			for b.Loop() {
				from, to := kind.draw(random)
				before, after := desired(b, from), desired(b, to)
				n, m := moved(before, after), minimum(before, after, to.Shards)
				all, least = all+n, least+m
				worst = max(worst, float64(n)/float64(max(1, m)))
			}
			b.ReportMetric(float64(all)/float64(least), "moved/minimum")
			b.ReportMetric(worst, "worst")
		})
	}
}
