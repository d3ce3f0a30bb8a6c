package capacity

import (
	"errors"
	"fmt"
)

// Workload is what users do. Rates are those of an average day; Peak is the busiest
// second's multiple of it.
type Workload struct {
	Users        int64   `json:"users"`
	RowsPerUser  float64 `json:"rowsPerUser"`
	BytesPerUser float64 `json:"bytesPerUser"`
	ReadsPerDay  float64 `json:"readsPerDay"`
	WritesPerDay float64 `json:"writesPerDay"`
	Peak         float64 `json:"peak"`
	// CacheHits is the share of reads that Redis answers, 0 to 1.
	CacheHits float64 `json:"cacheHits"`
}

// Constants are what one part can bear.
type Constants struct {
	// WritesPerCore and ReadsPerCore of a shard, with the fence.
	WritesPerCore float64 `json:"writesPerCore"`
	ReadsPerCore  float64 `json:"readsPerCore"`
	ShardCores    float64 `json:"shardCores"`
	// Utilization of the processor of a shard, and of a server of the cache, that is planned for, 0 to 1.
	Utilization float64 `json:"utilization"`
	// ShardBytes is how much a shard may hold so that it can be restored in time.
	ShardBytes float64 `json:"shardBytes"`
	// RestoreBytes per second.
	RestoreBytes float64 `json:"restoreBytes"`
	// ShardConnections is max_connections of a shard.
	ShardConnections int `json:"shardConnections"`
	// Pool of connections of one pod to each shard.
	Pool int `json:"pool"`
	// PodRequests per second.
	PodRequests float64 `json:"podRequests"`
	// RedisReads per second of one server of the cache, CacheServers how many there may be.
	RedisReads   float64 `json:"redisReads"`
	CacheServers int     `json:"cacheServers"`
	// MoveRows per second of one move from its plan to its end.
	MoveRows float64 `json:"moveRows"`
	// Moves at once, between pairs of shards; each pair is taken to have its own nodes.
	Moves   int `json:"moves"`
	Buckets int `json:"buckets"`
	// Uneven is the most that the busiest shard may do, in multiples of the mean.
	Uneven float64 `json:"uneven"`
	// Activity is the exponent of the Pareto distribution of what users do. At 1.16 a fifth of them does
	// four fifths.
	Activity float64 `json:"activity"`
	// CorePerMonth and GigabytePerMonth are prices.
	CorePerMonth     float64 `json:"corePerMonth"`
	GigabytePerMonth float64 `json:"gigabytePerMonth"`
}

// Input is both.
type Input struct {
	Workload  Workload  `json:"workload"`
	Constants Constants `json:"constants"`
}

// Defaults are those of docs/scale.md, for a number of users.
func Defaults(users int64) Input {
	return Input{
		Workload: Workload{
			Users: users, RowsPerUser: 10, BytesPerUser: 4 << 10, ReadsPerDay: 40, WritesPerDay: 4, Peak: 3, CacheHits: 0.9,
		},
		Constants: Constants{
			WritesPerCore: 1600, ReadsPerCore: 8600, // make bench-fence: update with its hold, read with readable
			ShardCores: 8, Utilization: 0.5, // assumptions
			ShardBytes: 500e9, RestoreBytes: 100e6, // assumptions
			ShardConnections: 1000, Pool: 8, // assumption (make bench-connections: 800 take 1.9 GB and leave a third of the throughput of 50); Pulumi.dev.yaml
			PodRequests:  5000,                             // assumption; make bench-cache: 20,000 with client and service on one CPU
			RedisReads:   80_000,                           // make bench-cache: 12.1 µs of a server's processor for each hit
			CacheServers: 32,                               // the most of redis.nodes
			MoveRows:     20_000,                           // make bench-reshard: whole moves under load
			Moves:        4,                                // postgres.moves.parallel
			Buckets:      960, Uneven: 1.3, Activity: 1.16, // the stack's default; assumptions
			CorePerMonth: 25, GigabytePerMonth: 0.1, // assumptions
		},
	}
}

// Validate returns every mistake, each with its field and range.
func (in Input) Validate() error {
	w, c := in.Workload, in.Constants
	var errs []error
	above := func(name string, value float64) {
		if !(value > 0) {
			errs = append(errs, fmt.Errorf("%s: %g must be above 0", name, value))
		}
	}
	share := func(name string, value, least float64) {
		if !(value >= least && value <= 1) {
			errs = append(errs, fmt.Errorf("%s: %g must be between %g and 1", name, value, least))
		}
	}
	fromOne := func(name string, value float64) {
		if !(value >= 1) {
			errs = append(errs, fmt.Errorf("%s: %g must be at least 1", name, value))
		}
	}
	above("workload.users", float64(w.Users))
	above("workload.rowsPerUser", w.RowsPerUser)
	above("workload.bytesPerUser", w.BytesPerUser)
	above("workload.readsPerDay", w.ReadsPerDay)
	above("workload.writesPerDay", w.WritesPerDay)
	share("workload.cacheHits", w.CacheHits, 0)
	fromOne("workload.peak", w.Peak)
	fromOne("constants.uneven", c.Uneven)
	fromOne("constants.activity", c.Activity)
	above("constants.writesPerCore", c.WritesPerCore)
	above("constants.readsPerCore", c.ReadsPerCore)
	above("constants.shardCores", c.ShardCores)
	share("constants.utilization", c.Utilization, 0.01)
	above("constants.shardBytes", c.ShardBytes)
	above("constants.restoreBytes", c.RestoreBytes)
	above("constants.shardConnections", float64(c.ShardConnections))
	above("constants.pool", float64(c.Pool))
	above("constants.podRequests", c.PodRequests)
	above("constants.redisReads", c.RedisReads)
	above("constants.cacheServers", float64(c.CacheServers))
	above("constants.moveRows", c.MoveRows)
	above("constants.moves", float64(c.Moves))
	above("constants.buckets", float64(c.Buckets))
	return errors.Join(errs...)
}
