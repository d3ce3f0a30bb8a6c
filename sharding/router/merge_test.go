package router

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Top is what sorting all rows would yield.
func TestTopIsASort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 20).Draw(t, "n")
		var results []Result[[]int]
		for _, rows := range rapid.SliceOf(rapid.SliceOf(rapid.IntRange(0, 9))).Draw(t, "rows") {
			slices.Sort(rows)
			results = append(results, Result[[]int]{Value: rows[:min(n, len(rows))]})
		}
		want := Concat(results)
		slices.Sort(want)
		require.Equal(t, append([]int{}, want[:min(n, len(want))]...), append([]int{}, Top(results, n, cmp.Compare[int])...))
	})
}
