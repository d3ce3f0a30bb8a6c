package shardmap_test

import (
	"fmt"

	"github.com/scalestack/scalestack/sharding/shardmap"
)

// servers lists n shards as the stack would.
func servers(n int) []shardmap.Shard {
	shards := make([]shardmap.Shard, n)
	for id := range shards {
		shards[id] = shardmap.Shard{
			ID: id, Name: fmt.Sprintf("shard-%d", id), Host: fmt.Sprintf("postgres-shard-%d", id),
			Port: 5432, Database: fmt.Sprintf("shard_%d_db", id),
		}
	}
	return shards
}

// plan shows what moves between two configurations of 12 buckets.
func plan(from, to shardmap.Spec) {
	a, err := shardmap.New("example", 1, from, servers(from.Shards))
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := shardmap.New("example", 2, to, servers(to.Shards))
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := shardmap.NewPlan(a, b)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(b.Assignment)
	fmt.Print(p)
}

// The base map of four shards is user_id % 4.
func ExampleMap_ShardOf() {
	spec := shardmap.Spec{Buckets: 960, InitialShards: 4, Shards: 4}
	m, err := shardmap.New("example", 1, spec, servers(4))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, userID := range []int64{0, 1, 6, 1_000_003, -1} {
		fmt.Println(userID, m.ShardOf(userID).Name)
	}
	// Output:
	// 0 shard-0
	// 1 shard-1
	// 6 shard-2
	// 1000003 shard-3
	// -1 shard-3
}

// Two shards join four: nothing moves but what the new ones receive.
func ExampleDesired_growth() {
	plan(shardmap.Spec{Buckets: 12, InitialShards: 4, Shards: 4},
		shardmap.Spec{Buckets: 12, InitialShards: 4, Shards: 6})
	// Output:
	// [5 5 2 3 0 1 4 4 0 1 2 3]
	// buckets that move: 4 of 12; the minimum is 4: shard 4 must gain 2, shard 5 must gain 2
	//   shard 0 -> shard 5: 1
	//   shard 1 -> shard 5: 1
	//   shard 2 -> shard 4: 1
	//   shard 3 -> shard 4: 1
}

// A drained shard gives its buckets away and nothing else moves. Once it is
// empty, the last shard can be cut off, which moves nothing.
func ExampleDesired_drain() {
	six := shardmap.Spec{Buckets: 12, InitialShards: 4, Shards: 6}
	drained := six
	drained.Drain = []int{5}
	plan(six, drained)
	plan(drained, shardmap.Spec{Buckets: 12, InitialShards: 4, Shards: 5})
	// Output:
	// [0 1 2 3 0 1 4 4 0 1 2 3]
	// buckets that move: 2 of 12; the minimum is 2: shard 0 must gain 1, shard 1 must gain 1
	//   shard 5 -> shard 0: 1
	//   shard 5 -> shard 1: 1
	// [0 1 2 3 0 1 4 4 0 1 2 3]
	// no bucket moves
}

// A shard on a machine of double size takes two buckets for one of the others'.
func ExampleDesired_weights() {
	plan(shardmap.Spec{Buckets: 12, InitialShards: 4, Shards: 4},
		shardmap.Spec{Buckets: 12, InitialShards: 4, Shards: 5, Weights: map[int]int{4: 2}})
	// Output:
	// [4 1 2 3 0 4 4 4 0 1 2 3]
	// buckets that move: 4 of 12; the minimum is 4: shard 4 must gain 4
	//   shard 0 -> shard 4: 1
	//   shard 1 -> shard 4: 1
	//   shard 2 -> shard 4: 1
	//   shard 3 -> shard 4: 1
}

// A hot bucket moves alone.
func ExampleDesired_pins() {
	plan(shardmap.Spec{Buckets: 12, InitialShards: 4, Shards: 4},
		shardmap.Spec{Buckets: 12, InitialShards: 4, Shards: 4, Pins: map[int]int{5: 3}})
	// Output:
	// [0 1 2 3 0 3 2 3 0 1 2 3]
	// buckets that move: 1 of 12; the minimum is 1: shard 3 must gain 1
	//   shard 1 -> shard 3: 1
}

// A mistake comes with its path and what is allowed.
func ExampleSpec_Validate() {
	fmt.Println(shardmap.Spec{Buckets: 960, InitialShards: 4, Shards: 6, Drain: []int{7}, Pins: map[int]int{17: 9}}.Validate())
	// Output:
	// drain[0]: 7 is not a shard id between 0 and 5
	// pins.17: 9 is not a shard id between 0 and 5
}
