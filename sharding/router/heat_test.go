package router

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func TestHeatNamesTheBusiestBuckets(t *testing.T) {
	h := newHeat(60)
	for bucket := range int64(12) {
		for range bucket {
			h.read(bucket + 60)
		}
	}
	h.write(-49) // bucket 11
	require.Equal(t, []int{11, 10, 9, 8, 7, 6, 5, 4, 3, 2}, h.hottest(time.Now()))

	require.NoError(t, testutil.CollectAndCompare(h, strings.NewReader(`
# HELP scalestack_db_operations_total Operations on users by kind: read, write. An operation that is repeated counts once.
# TYPE scalestack_db_operations_total counter
scalestack_db_operations_total{kind="read"} 66
scalestack_db_operations_total{kind="write"} 1
`), "scalestack_db_operations_total"))
	require.Equal(t, 2*busiest, testutil.CollectAndCount(h, "scalestack_bucket_operations_total"))
}

// What was hot yesterday is not hot now, and its counter goes on where it was.
func TestHeatIsOfTheLastMinutes(t *testing.T) {
	h, now := newHeat(60), time.Now()
	for range 1000 {
		h.read(7)
	}
	require.Equal(t, []int{7}, h.hottest(now))
	require.Equal(t, []int{7}, h.hottest(now.Add(heatWindow)))
	h.read(8)
	require.Equal(t, []int{7, 8}, h.hottest(now.Add(heatWindow+time.Second)), "within the window")
	require.Equal(t, []int{7, 8}, h.hottest(now.Add(2*heatWindow)))
	require.Equal(t, []int{8}, h.hottest(now.Add(2*heatWindow+time.Second)))
	h.read(7)
	require.Equal(t, []int{7, 8}, h.hottest(now.Add(2*heatWindow+2*time.Second)))
	require.EqualValues(t, 1001, h.reads[7].Load())
}
