package shardmap

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// testMap returns a valid base map of that size.
func testMap(buckets, shards int) *Map {
	m := &Map{
		Format: Format, Cluster: "scalestack", Generation: 1,
		Buckets: buckets, InitialShards: shards, Assignment: Base(buckets, shards),
	}
	for id := range shards {
		m.Shards = append(m.Shards, Shard{
			ID: id, Name: fmt.Sprintf("shard-%d", id), Port: 5432,
			Host: fmt.Sprintf("postgres-shard-%d.scalestack.svc.cluster.local", id), Database: fmt.Sprintf("shard_%d_db", id),
		})
	}
	return m
}

func TestBucket(t *testing.T) {
	for _, tc := range []struct {
		userID  int64
		buckets int
		want    int
	}{
		{0, 960, 0}, {959, 960, 959}, {960, 960, 0}, {961, 960, 1},
		{-1, 960, 959}, {-960, 960, 0}, {-961, 960, 959},
		{math.MaxInt64, 960, 127}, {math.MinInt64, 960, 832},
		{math.MinInt64, 1, 0}, {math.MaxInt64, 1, 0}, {math.MinInt64, 7, 6},
	} {
		require.Equal(t, tc.want, Bucket(tc.userID, tc.buckets), "user %d of %d buckets", tc.userID, tc.buckets)
	}
	require.PanicsWithValue(t, "shardmap: the number of buckets is not positive", func() { Bucket(1, 0) })
}

func TestFourShardsAreThePlainModulus(t *testing.T) {
	m := testMap(DefaultBuckets, 4)
	for userID := range int64(10_000) {
		require.Equal(t, int(userID%4), m.ShardOf(userID).ID)
	}
}

func TestShardWithGapsInTheIDs(t *testing.T) {
	m := testMap(12, 4)
	m.Shards = append(m.Shards[:1:1], m.Shards[2:]...)
	require.Nil(t, m.Shard(1))
	require.Nil(t, m.Shard(-1))
	require.Nil(t, m.Shard(4))
	for _, id := range []int{0, 2, 3} {
		require.Equal(t, id, m.Shard(id).ID)
	}
}

func TestCountsNamesShardsWithoutBuckets(t *testing.T) {
	m := testMap(12, 4)
	m.Shards = append(m.Shards, Shard{ID: 4})
	require.Equal(t, map[int]int{0: 3, 1: 3, 2: 3, 3: 3, 4: 0}, m.Counts())
}
