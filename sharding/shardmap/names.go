package shardmap

import (
	"fmt"
	"strings"
)

// BucketNames names buckets in a sentence, only the first few of many: "bucket 4", "7
// buckets (0, 3, 6, 9, 12, …)".
func BucketNames(buckets []int32) string {
	const most = 5
	if len(buckets) == 1 {
		return fmt.Sprintf("bucket %d", buckets[0])
	}
	var names []string
	for _, bucket := range buckets[:min(most, len(buckets))] {
		names = append(names, fmt.Sprint(bucket))
	}
	if len(buckets) > most {
		names = append(names, "…")
	}
	return fmt.Sprintf("%d buckets (%s)", len(buckets), strings.Join(names, ", "))
}
