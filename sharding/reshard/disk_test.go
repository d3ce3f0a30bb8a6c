package reshard

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

const gib = 1 << 30

func TestTooFull(t *testing.T) {
	for name, c := range map[string]struct {
		disk         disk
		volume, come int64
		want         string
	}{
		"room":           {disk{databases: 6 * gib, wal: gib, mostWAL: gib}, 10 * gib, gib, ""},
		"just":           {disk{databases: 7 * gib, wal: gib / 2, mostWAL: gib}, 10 * gib, gib, ""},
		"a little above": {disk{databases: 7 * gib, wal: gib / 2, mostWAL: gib}, 10 * gib, gib + 1, "its volume of 10 GiB would be 91 % full (limit 90 %): 7.5 GiB are used, 1.0 GiB come, 512 MiB are left for WAL"},
		"log to come":    {disk{databases: 6 * gib, mostWAL: 2 * gib}, 10 * gib, 2 * gib, "its volume of 10 GiB would be 100 % full (limit 90 %): 6.0 GiB are used, 2.0 GiB come, 2.0 GiB are left for WAL"},
		"log kept":       {disk{databases: 6 * gib, wal: 3 * gib, mostWAL: gib}, 10 * gib, gib, "its volume of 10 GiB would be 100 % full (limit 90 %): 9.0 GiB are used, 1.0 GiB come, 0 B are left for WAL"},
		"many times":     {disk{mostWAL: gib / 16}, gib, 20 * gib, "its volume of 1.0 GiB would be 2007 % full (limit 90 %): 0 B are used, 20 GiB come, 64 MiB are left for WAL"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.disk.tooFull(c.volume, c.come)) })
	}
}

// Shard 1 is nearly full, 2 does not answer, and 3 is not there yet.
func TestAllThatComesToATargetCounts(t *testing.T) {
	shard := func(id int, name string) shardmap.Shard { return shardmap.Shard{ID: id, Name: name} }
	shards := []shardmap.Shard{shard(0, "shard-0"), shard(1, "shard-1"), shard(2, "shard-2"), shard(3, "shard-3")}
	o := EstimateOptions{Current: &shardmap.Map{Shards: shards[:3]}, Desired: &shardmap.Map{Shards: shards}, Volume: 10 * gib}
	readings := map[int]*reading{
		0: {disk: disk{databases: 9 * gib, mostWAL: gib}},
		1: {disk: disk{databases: 7 * gib, mostWAL: gib}},
	}
	moves := []EstimatedMove{
		{From: 0, To: 1, Bytes: gib}, {From: 0, To: 2, Bytes: 100 * gib}, {From: 0, To: 3, Bytes: 4 * gib}, {From: 1, To: 3, Bytes: 4 * gib},
	}
	require.Empty(t, o.tooFull(moves, readings))
	moves[0].Bytes, moves[3].Bytes = 2*gib, 5*gib
	require.Equal(t, []string{
		"shard-1: its volume of 10 GiB would be 100 % full (limit 90 %): 7.0 GiB are used, 2.0 GiB come, 1.0 GiB are left for WAL",
		"shard-3: its volume of 10 GiB would be 100 % full (limit 90 %): 0 B are used, 9.0 GiB come, 1.0 GiB are left for WAL",
	}, o.tooFull(moves, readings))
	o.Volume = 0
	require.Empty(t, o.tooFull(moves, readings))
}
