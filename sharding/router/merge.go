package router

import "container/heap"

// Sum adds up the shards' numbers.
func Sum[T ~int | ~int32 | ~int64 | ~float64](results []Result[T]) (sum T) {
	for _, r := range results {
		sum += r.Value
	}
	return sum
}

// Concat returns the rows of all shards, shard by shard.
func Concat[T any](results []Result[[]T]) (rows []T) {
	for _, r := range results {
		rows = append(rows, r.Value...)
	}
	return rows
}

// Top returns the first n of all shards' rows. Each shard must have sorted its rows in
// the order of compare (see cmp.Compare) and returned its own first n: ORDER BY … LIMIT
// n. Equal rows come by ascending shard id.
func Top[T any](results []Result[[]T], n int, compare func(a, b T) int) []T {
	h := &heads[T]{compare: compare}
	for i, r := range results {
		if len(r.Value) > 0 {
			h.lists = append(h.lists, list[T]{i, r.Value})
		}
	}
	heap.Init(h)
	var rows []T
	for len(rows) < n && h.Len() > 0 {
		first := &h.lists[0]
		rows = append(rows, first.rows[0])
		first.rows = first.rows[1:]
		if len(first.rows) == 0 {
			heap.Pop(h)
		} else {
			heap.Fix(h, 0)
		}
	}
	return rows
}

// list is the rest of one shard's rows.
type list[T any] struct {
	place int
	rows  []T
}

// heads is a heap of lists by their first rows.
type heads[T any] struct {
	lists   []list[T]
	compare func(a, b T) int
}

func (h *heads[T]) Len() int { return len(h.lists) }

func (h *heads[T]) Less(i, j int) bool {
	a, b := h.lists[i], h.lists[j]
	if order := h.compare(a.rows[0], b.rows[0]); order != 0 {
		return order < 0
	}
	return a.place < b.place
}

func (h *heads[T]) Swap(i, j int) { h.lists[i], h.lists[j] = h.lists[j], h.lists[i] }

func (h *heads[T]) Push(x any) { h.lists = append(h.lists, x.(list[T])) }

func (h *heads[T]) Pop() any {
	last := len(h.lists) - 1
	x := h.lists[last]
	h.lists = h.lists[:last]
	return x
}
