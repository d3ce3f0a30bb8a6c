package capacity

import (
	"math"
	"math/rand/v2"
)

// sample bounds the users that are drawn one by one. Fewer users on a bucket are less
// even, so that a larger number is judged too severely and never too mildly.
const sample = 4_000_000

// uneven draws each user's activity, adds it up by bucket and by shard, and returns what
// the busiest shard does in multiples of the mean. Buckets are dealt out as evenly as they
// divide.
func (c Constants) uneven(users int64, shards int, seed uint64) float64 {
	shards = min(shards, c.Buckets)
	random := rand.New(rand.NewPCG(seed, 0))
	load, all := make([]float64, shards), 0.
	for user := range min(users, sample) {
		one := c.activity(random)
		load[int(user%int64(c.Buckets))*shards/c.Buckets] += one
		all += one
	}
	most := 0.
	for _, one := range load {
		most = max(most, one)
	}
	return most * float64(shards) / all
}

// mostActive bounds one user, in multiples of the least active: a person, not a program.
const mostActive = 10_000

// activity is drawn from a Pareto distribution that ends at mostActive.
func (c Constants) activity(random *rand.Rand) float64 {
	u := random.Float64() * (1 - math.Pow(mostActive, -c.Activity))
	return math.Pow(1-u, -1/c.Activity)
}
