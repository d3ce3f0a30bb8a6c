package shardmap

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
)

// score ranks the shards for a bucket and the buckets for a shard by rendezvous hashing
// (highest random weight). It decides where data lies, so it must never change. SHA-256
// over "bucket/shard" can be computed in any language.
func score(bucket, shard int) uint64 {
	var buf [32]byte
	key := strconv.AppendInt(buf[:0], int64(bucket), 10)
	key = append(key, '/')
	key = strconv.AppendInt(key, int64(shard), 10)
	sum := sha256.Sum256(key)
	return binary.BigEndian.Uint64(sum[:])
}
