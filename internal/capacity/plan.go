package capacity

import (
	"cmp"
	"math"
	"slices"
)

// Plan is what a workload takes.
type Plan struct {
	Users int64
	// ReadsPerSecond and WritesPerSecond at the peak, and those of the reads that no cache
	// answers.
	ReadsPerSecond, WritesPerSecond, Misses float64
	// Shards, and by what: disk, writes and reads together, or one at least.
	Shards int
	By     string
	// CacheServers that share the keys.
	CacheServers int
	// Pods of the service.
	Pods int
	// Connections that each shard has to accept.
	Connections int
	// Uneven is what the busiest shard does, in multiples of the mean, as simulated.
	Uneven float64
	// DoubleHours moves half of all rows to as many new shards, from several at once.
	DoubleHours float64
	// RestoreHours of one shard from its backup.
	RestoreHours float64
	// CostPerMonth of shards, pods, the cache's servers with a core each, and disks.
	CostPerMonth float64
	// Limits are how much of each is used, the most used first. Above 1 it is exceeded.
	Limits []Limit
}

// Limit is a bound of the design.
type Limit struct {
	Name string
	Used float64
	// Instead is what to do when it is met.
	Instead string
}

const secondsPerDay = 24 * 60 * 60

// Plan computes what the workload takes. The same input and seed give the same plan.
func (in Input) Plan(seed uint64) (Plan, error) {
	if err := in.Validate(); err != nil {
		return Plan{}, err
	}
	w, c := in.Workload, in.Constants
	p := Plan{Users: w.Users}
	p.ReadsPerSecond = float64(w.Users) * w.ReadsPerDay * w.Peak / secondsPerDay
	p.WritesPerSecond = float64(w.Users) * w.WritesPerDay * w.Peak / secondsPerDay
	p.Misses = p.ReadsPerSecond * (1 - w.CacheHits)
	bytes := float64(w.Users) * w.BytesPerUser
	cores := (p.WritesPerSecond/c.WritesPerCore + p.Misses/c.ReadsPerCore) / c.Utilization
	byDisk, byWork := atLeastOne(bytes/c.ShardBytes), atLeastOne(cores/c.ShardCores)
	p.Shards, p.By = byDisk, "disk"
	if byWork > byDisk {
		p.Shards, p.By = byWork, "processor"
	}
	p.CacheServers = atLeastOne(p.ReadsPerSecond / c.RedisReads / c.Utilization)
	p.Pods = atLeastOne((p.ReadsPerSecond + p.WritesPerSecond) / c.PodRequests)
	p.Connections = p.Pods * c.Pool
	p.Uneven = c.uneven(w.Users, p.Shards, seed)
	p.DoubleHours = float64(w.Users) * w.RowsPerUser / 2 / c.MoveRows / float64(min(c.Moves, p.Shards)) / 3600
	p.RestoreHours = bytes / float64(p.Shards) / c.RestoreBytes / 3600
	p.CostPerMonth = (float64(p.Shards)*c.ShardCores+float64(p.Pods+p.CacheServers))*c.CorePerMonth + bytes/1e9*c.GigabytePerMonth
	p.Limits = limits(p, c)
	return p, nil
}

func atLeastOne(n float64) int { return max(1, int(math.Ceil(n))) }

func limits(p Plan, c Constants) []Limit {
	all := []Limit{
		{"connections of a shard", float64(p.Connections) / float64(c.ShardConnections), "a pooler in front of each shard, or fewer and larger pods"},
		{"servers of the cache", float64(p.CacheServers) / float64(c.CacheServers), "a cache in the pods before it"},
		{"hours to double the shards, of a week", p.DoubleHours / (7 * 24), "more moves at once (postgres.moves.parallel)"},
		{"evenness of the shards", (p.Uneven - 1) / (c.Uneven - 1), "pins and weights for the busiest buckets, more buckets for the next stack"},
		{"buckets", float64(p.Shards) / float64(c.Buckets), "more buckets, which takes another stack; or an engine that splits ranges by itself"},
	}
	slices.SortStableFunc(all, func(a, b Limit) int { return cmp.Compare(b.Used, a.Used) })
	return all
}
