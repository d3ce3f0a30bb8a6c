package bench

import (
	"math"
	"math/rand/v2"
	"sort"
)

// Zipf draws ranks of which the first is the most frequent: rank k in
// proportion to (k+1)^-exponent. math/rand's own wants an exponent above 1, and
// the usual load (YCSB's) has 0.99.
type Zipf struct {
	cumulated []float64
	random    *rand.Rand
}

// NewZipf returns a Zipf over n ranks that draws the same from the same seed.
// It is not safe for concurrent use.
func NewZipf(n int, exponent float64, seed uint64) *Zipf {
	z := &Zipf{cumulated: make([]float64, n), random: rand.New(rand.NewPCG(seed, 0))}
	sum := 0.0
	for k := range z.cumulated {
		sum += math.Pow(float64(k+1), -exponent)
		z.cumulated[k] = sum
	}
	return z
}

// Draw returns n ranks.
func (z *Zipf) Draw(n int) []int {
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = sort.SearchFloat64s(z.cumulated, z.random.Float64()*z.cumulated[len(z.cumulated)-1])
	}
	return ranks
}
