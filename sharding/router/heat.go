package router

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

const (
	// busiest is how many buckets a scrape lists: all of them would be two series for
	// each bucket of each pod.
	busiest = 10
	// heatWindow is the shortest time over which buckets are ranked; the longest is
	// twice that.
	heatWindow = time.Minute
)

var (
	operationsTotal = prometheus.NewDesc("scalestack_db_operations_total",
		"Operations on users by kind: read, write. An operation that is repeated counts once.", []string{"kind"}, nil)
	bucketOperations = prometheus.NewDesc("scalestack_bucket_operations_total",
		"Operations by kind of the 10 buckets that were busiest in the last minutes.", []string{"bucket", "kind"}, nil)
)

// heat counts operations by bucket and exports those of the busiest ones.
type heat struct {
	reads, writes []atomic.Uint64

	mu sync.Mutex
	// older and newer are earlier counts: buckets are ranked by their operations since
	// older.
	older, newer []uint64
	taken        time.Time
}

func newHeat(buckets int) *heat {
	return &heat{reads: make([]atomic.Uint64, buckets), writes: make([]atomic.Uint64, buckets),
		older: make([]uint64, buckets), newer: make([]uint64, buckets), taken: time.Now()}
}

func (h *heat) read(userID int64)  { h.reads[shardmap.Bucket(userID, len(h.reads))].Add(1) }
func (h *heat) write(userID int64) { h.writes[shardmap.Bucket(userID, len(h.writes))].Add(1) }

func (*heat) Describe(ch chan<- *prometheus.Desc) {
	ch <- operationsTotal
	ch <- bucketOperations
}

func (h *heat) Collect(ch chan<- prometheus.Metric) {
	var reads, writes uint64
	for bucket := range h.reads {
		reads, writes = reads+h.reads[bucket].Load(), writes+h.writes[bucket].Load()
	}
	counter := func(desc *prometheus.Desc, value uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), labels...)
	}
	counter(operationsTotal, reads, "read")
	counter(operationsTotal, writes, "write")
	for _, bucket := range h.hottest(time.Now()) {
		name := strconv.Itoa(bucket)
		counter(bucketOperations, h.reads[bucket].Load(), name, "read")
		counter(bucketOperations, h.writes[bucket].Load(), name, "write")
	}
}

// hottest returns the buckets with the most recent operations, the hottest first, and
// leaves out those without any.
func (h *heat) hottest(now time.Time) []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	sums, buckets := make([]uint64, len(h.reads)), make([]int, 0, len(h.reads))
	for bucket := range sums {
		sums[bucket] = h.reads[bucket].Load() + h.writes[bucket].Load()
		if sums[bucket] > h.older[bucket] {
			buckets = append(buckets, bucket)
		}
	}
	recent := func(bucket int) uint64 { return sums[bucket] - h.older[bucket] }
	slices.SortStableFunc(buckets, func(a, b int) int { return cmp.Compare(recent(b), recent(a)) })
	buckets = buckets[:min(len(buckets), busiest)]
	if now.Sub(h.taken) >= heatWindow {
		h.older, h.newer, h.taken = h.newer, sums, now
	}
	return buckets
}
