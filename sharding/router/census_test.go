package router

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func here(bucket int, epoch int64) holding { return holding{bucket, true, epoch, -1} }

func gone(bucket int, epoch int64, owner int) holding { return holding{bucket, false, epoch, owner} }

// Two buckets, of which the second is the one that moves from shard 0 to 1.
func TestCensus(t *testing.T) {
	for name, test := range map[string]struct {
		answers map[int][]holding
		failed  []int
		want    census
	}{
		"every bucket once": {
			answers: map[int][]holding{0: {here(0, 1)}, 1: {here(1, 1)}}},
		"after a move": {
			answers: map[int][]holding{0: {here(0, 1), gone(1, 3, 1)}, 1: {here(1, 4)}}},
		"and back": {
			answers: map[int][]holding{0: {here(0, 1), here(1, 6)}, 1: {gone(1, 5, 0)}}},
		"the old owner's snapshot is older": {
			answers: map[int][]holding{0: {here(0, 1), here(1, 2)}, 1: {here(1, 4)}},
			want:    census{twice: []int{1}, again: []int{0}, unsettled: true}},
		"the new owner's snapshot is older": {
			answers: map[int][]holding{0: {here(0, 1), gone(1, 3, 1)}, 1: {}},
			want:    census{missing: []int{1}, again: []int{1}, unsettled: true}},
		"the new owner did not answer": {
			answers: map[int][]holding{0: {here(0, 1), gone(1, 3, 1)}}, failed: []int{1},
			want: census{missing: []int{1}}},
		"the new owner is not in the map yet": {
			answers: map[int][]holding{0: {here(0, 1), gone(1, 3, 7)}, 1: {}},
			want:    census{missing: []int{1}, unsettled: true}},
		"the only owner did not answer": {
			answers: map[int][]holding{0: {here(0, 1)}}, failed: []int{1},
			want: census{missing: []int{1}}},
		"nobody knows a bucket": {
			answers: map[int][]holding{0: {here(0, 1)}, 1: {}},
			want:    census{missing: []int{1}, again: []int{0, 1}, unsettled: true}},
		"three snapshots of one bucket": {
			answers: map[int][]holding{0: {here(0, 1), here(1, 1)}, 1: {here(1, 4)}, 2: {here(1, 7)}},
			want:    census{twice: []int{1}, again: []int{0, 1}, unsettled: true}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, takeCensus(2, test.answers, test.failed))
		})
	}
}
