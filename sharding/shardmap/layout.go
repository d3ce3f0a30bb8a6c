package shardmap

import (
	"cmp"
	"slices"
)

// layout is the assignment while the events of a Spec are replayed.
type layout struct {
	owner  []int   // by bucket
	past   [][]int // by bucket: its earlier owners, the latest last
	size   []int   // by shard: buckets owned
	weight []int   // by shard: 0 for one that is not there or drained
}

func newLayout(buckets, initialShards int) *layout {
	l := &layout{owner: Base(buckets, initialShards), past: make([][]int, buckets)}
	l.grow(initialShards)
	for id := range initialShards {
		l.weight[id] = 1
	}
	for _, id := range l.owner {
		l.size[id]++
	}
	return l
}

func (l *layout) grow(shards int) {
	for len(l.size) < shards {
		l.size, l.weight = append(l.size, 0), append(l.weight, 0)
	}
}

// setWeight changes one shard's weight and moves buckets until the layout is balanced
// again. Buckets move either only to that shard or only away from it.
func (l *layout) setWeight(id, weight int) {
	l.grow(id + 1)
	l.weight[id] = weight
	if gains := l.gains(id); len(gains) > 0 {
		l.take(id, gains)
		return
	}
	l.give(id, l.losses(id))
}

// A seat is a shard's claim to its n-th bucket. It is stronger the smaller
// (2n-1)/weight is: Webster's method of apportionment. The buckets are balanced when no
// shard holds a weaker seat than one that another shard lacks.
type seat struct{ id, n, weight int }

// compare orders seats from strong to weak. A shard of weight 0 has no claim.
// Equal claims go to the lower id, as in the base map.
func (a seat) compare(b seat) int {
	if a.weight == 0 || b.weight == 0 {
		return cmp.Compare(b.weight, a.weight)
	}
	return cmp.Or(cmp.Compare((2*a.n-1)*b.weight, (2*b.n-1)*a.weight), cmp.Compare(a.id, b.id))
}

// last is the weakest seat that the shard holds, next the one it would get.
func (l *layout) last(id int) seat { return seat{id, l.size[id], l.weight[id]} }
func (l *layout) next(id int) seat { return seat{id, l.size[id] + 1, l.weight[id]} }

// gains counts, by shard, the buckets that id takes. It repeatedly takes one from the
// shard that is fullest for its weight, as long as that improves the balance.
func (l *layout) gains(id int) map[int]int {
	gains := map[int]int{}
	for {
		fullest := id
		for other, size := range l.size {
			if other != id && size > 0 && (fullest == id || l.last(other).compare(l.last(fullest)) > 0) {
				fullest = other
			}
		}
		if fullest == id || l.next(id).compare(l.last(fullest)) >= 0 {
			return gains
		}
		gains[fullest]++
		l.size[fullest]--
		l.size[id]++
	}
}

// losses counts, by shard, the buckets that id gives away. It repeatedly gives one to
// the shard that is emptiest for its weight, as long as that improves the balance.
func (l *layout) losses(id int) map[int]int {
	losses := map[int]int{}
	for l.size[id] > 0 {
		emptiest := id
		for other, weight := range l.weight {
			if other != id && weight > 0 && (emptiest == id || l.next(other).compare(l.next(emptiest)) < 0) {
				emptiest = other
			}
		}
		if emptiest == id || l.next(emptiest).compare(l.last(id)) >= 0 {
			return losses
		}
		losses[emptiest]++
		l.size[emptiest]++
		l.size[id]--
	}
	return losses
}

// choice is a bucket that could move to a shard.
type choice struct {
	bucket, to int
	age        int // how many owners ago the shard had the bucket, or never
	score      uint64
}

const never = int(^uint(0) >> 1)

func (l *layout) choice(bucket, to int) choice {
	c := choice{bucket: bucket, to: to, age: never, score: score(bucket, to)}
	for i, owner := range l.past[bucket] {
		if owner == to {
			c.age = len(l.past[bucket]) - i
		}
	}
	return c
}

// compare puts the best choice first: a bucket that returns to a former owner, then the
// highest random weight.
func (c choice) compare(d choice) int {
	return cmp.Or(cmp.Compare(c.age, d.age), cmp.Compare(d.score, c.score), cmp.Compare(c.bucket, d.bucket), cmp.Compare(c.to, d.to))
}

func (l *layout) take(id int, quota map[int]int) {
	var choices []choice
	for bucket, owner := range l.owner {
		if quota[owner] > 0 {
			choices = append(choices, l.choice(bucket, id))
		}
	}
	slices.SortFunc(choices, choice.compare)
	for _, c := range choices {
		if from := l.owner[c.bucket]; quota[from] > 0 {
			quota[from]--
			l.move(c)
		}
	}
}

func (l *layout) give(id int, quota map[int]int) {
	var choices []choice
	for bucket, owner := range l.owner {
		if owner != id {
			continue
		}
		for to := range quota {
			choices = append(choices, l.choice(bucket, to))
		}
	}
	slices.SortFunc(choices, choice.compare)
	for _, c := range choices {
		if l.owner[c.bucket] == id && quota[c.to] > 0 {
			quota[c.to]--
			l.move(c)
		}
	}
}

func (l *layout) move(c choice) {
	l.past[c.bucket] = append(l.past[c.bucket], l.owner[c.bucket])
	l.owner[c.bucket] = c.to
}
