package shardmap

import (
	"encoding/json"
	"sort"
)

const (
	// Format is the version of the encoding that this package reads and writes.
	Format = 1
	// DefaultBuckets divides evenly by 2, 3, 4, 5, 6, 8, 10, 12, 15, 16 and more.
	DefaultBuckets = 960
	// MaxBuckets keeps the largest map under a tenth of a ConfigMap's 1 MiB.
	MaxBuckets = 16384
	// MaxShards is the largest number of shards of one map.
	MaxShards = 960
)

// Map assigns every bucket of one cluster to a shard. Treat it as read-only once it is
// in use: lookups from many goroutines take no lock.
type Map struct {
	// Format is the version of the encoding, always the constant Format.
	Format int `json:"format"`
	// Cluster names the stack that the map belongs to, so that a map of another stack
	// is recognised. It never changes once data exists.
	Cluster string `json:"cluster"`
	// Generation counts the changes of the map, from 1.
	Generation int64 `json:"generation"`
	// Buckets is the number of buckets, fixed for the life of the data.
	Buckets int `json:"buckets"`
	// InitialShards is the number of shards of the base map, fixed as well.
	InitialShards int `json:"initialShards"`
	// Shards lists the shards by ascending id. A shard that owns no bucket is being
	// filled or drained.
	Shards []Shard `json:"shards"`
	// Assignment holds, by bucket, the id of the owning shard.
	Assignment []int `json:"assignment"`
}

// Shard is one database server that owns some of the buckets.
type Shard struct {
	// ID is the number that Assignment refers to.
	ID int `json:"id"`
	// Name is a DNS label, for example "shard-0".
	Name string `json:"name"`
	// Host is a DNS name or an IP address.
	Host string `json:"host"`
	// Port is the TCP port, 1 to 65535.
	Port int `json:"port"`
	// Database is the name of the database on that server.
	Database string `json:"database"`
}

// Bucket returns the bucket of userID, from 0 to buckets-1, for negative ids too. It
// panics if buckets is not positive.
func Bucket(userID int64, buckets int) int {
	if buckets < 1 {
		panic("shardmap: the number of buckets is not positive")
	}
	b := int64(buckets)
	return int((userID%b + b) % b)
}

// Base returns the assignment that a cluster starts with: bucket % initialShards. If
// initialShards divides buckets, this is userID % initialShards for every non-negative
// user id, so data placed that way can be adopted where it lies.
func Base(buckets, initialShards int) []int {
	assignment := make([]int, buckets)
	for bucket := range assignment {
		assignment[bucket] = bucket % initialShards
	}
	return assignment
}

// ShardOf returns the shard that owns userID. It may panic on a map that is not valid;
// Decode and Validate make sure that it is.
func (m *Map) ShardOf(userID int64) *Shard {
	return m.Shard(m.Assignment[Bucket(userID, m.Buckets)])
}

// Shard returns the shard with that id, or nil if the map has none.
func (m *Map) Shard(id int) *Shard {
	if id >= 0 && id < len(m.Shards) && m.Shards[id].ID == id {
		return &m.Shards[id]
	}
	return m.search(id)
}

// search handles maps with gaps, left by removed shards.
func (m *Map) search(id int) *Shard {
	i := sort.Search(len(m.Shards), func(i int) bool { return m.Shards[i].ID >= id })
	if i < len(m.Shards) && m.Shards[i].ID == id {
		return &m.Shards[i]
	}
	return nil
}

// Counts returns the number of buckets that each shard owns, by shard id.
func (m *Map) Counts() map[int]int {
	counts := make(map[int]int, len(m.Shards))
	for _, shard := range m.Shards {
		counts[shard.ID] = 0
	}
	for _, owner := range m.Assignment {
		counts[owner]++
	}
	return counts
}

// Encode returns the map as JSON, always the same bytes for the same map. It fails for
// a map that Decode would refuse.
func (m *Map) Encode() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return json.Marshal(m)
}
