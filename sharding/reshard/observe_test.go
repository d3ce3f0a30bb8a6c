package reshard

import (
	"errors"
	"fmt"
	"testing"

	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// owning is what a shard answers that owns these buckets.
func owning(id int, buckets ...int32) Observation {
	o := Observation{Shard: shardmap.Shard{ID: id, Name: fmt.Sprintf("shard-%d", id)}, holdings: map[int32]holding{}}
	for _, bucket := range buckets {
		o.holdings[bucket] = holding{bucket, "owned", 1, id}
	}
	return o
}

func silent(id int) Observation {
	return Observation{Shard: shardmap.Shard{ID: id, Name: fmt.Sprintf("shard-%d", id)}, Err: errors.New("down")}
}

func TestWhoOwnsABucketTwice(t *testing.T) {
	both := []Observation{owning(0, 4), owning(1, 4)}
	for name, c := range map[string]struct {
		looks [][]Observation
		twice bool
	}{
		"seen once, as during a move":     {[][]Observation{both}, false},
		"seen in two looks":               {[][]Observation{both, both}, true},
		"seen, and then settled":          {[][]Observation{both, both, {owning(0), owning(1, 4)}}, false},
		"one of them gives no answer":     {[][]Observation{both, both, {owning(0, 4), silent(1)}, {owning(0, 4), silent(1)}}, true},
		"neither does":                    {[][]Observation{both, both, {silent(0), silent(1)}}, true},
		"the one that answers has it not": {[][]Observation{both, both, {owning(0), silent(1)}}, false},
		"seen once before one was silent": {[][]Observation{both, {owning(0, 4), silent(1)}, {owning(0, 4), silent(1)}}, false},
		"a shard that has left the map":   {[][]Observation{both, both, {owning(0, 4)}}, false},
		"two buckets, one after another":  {[][]Observation{{owning(0, 4), owning(1, 4)}, {owning(0, 5), owning(1, 5)}}, false},
		"a silent one that owned nothing": {[][]Observation{{owning(0, 4), owning(1)}, {owning(0, 4), silent(1)}, {owning(0, 4), silent(1)}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var d Doubles
			var err error
			for _, look := range c.looks {
				err = d.Look(look)
			}
			if !c.twice {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "bucket 4 is owned by shard-0 and shard-1: one was restored from before a move. Fix: shardctl reconcile")
		})
	}
}
