package capacity

import (
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/redis"
)

var update = flag.Bool("update", false, "write the table of docs/scale.md")

func plan(t *testing.T, users int64, change func(*Input)) Plan {
	t.Helper()
	in := Defaults(users)
	if change != nil {
		change(&in)
	}
	p, err := in.Plan(1)
	require.NoError(t, err)
	return p
}

// Worked out by hand.
func TestPlan(t *testing.T) {
	p := plan(t, 100_000_000, func(in *Input) {
		in.Workload = Workload{Users: 100_000_000, RowsPerUser: 10, BytesPerUser: 10_000, ReadsPerDay: 86.4, WritesPerDay: 8.64, Peak: 2, CacheHits: 0.75}
	})
	require.InDelta(t, 200_000, p.ReadsPerSecond, 1)
	require.InDelta(t, 20_000, p.WritesPerSecond, 1)
	require.InDelta(t, 50_000, p.Misses, 1)
	// 1 TB at 500 GB a shard is 2; (20,000/1,600 + 50,000/8,600) / 0.5 = 36.6 cores are 5 of 8.
	require.Equal(t, 5, p.Shards)
	require.Equal(t, "processor", p.By)
	require.Equal(t, 44, p.Pods)
	require.Equal(t, 352, p.Connections)
	require.InDelta(t, 500e6/20_000/4/3600, p.DoubleHours, 0.001)
	require.InDelta(t, 200e9/100e6/3600, p.RestoreHours, 0.001)
	require.Equal(t, 5, p.CacheServers)
	require.InDelta(t, (5*8+44+5)*25+1000*0.1, p.CostPerMonth, 0.01)
	require.Equal(t, "connections of a shard", p.Limits[0].Name)
	require.InDelta(t, 0.352, p.Limits[0].Used, 0.001)
}

func TestDiskDecidesWhereLittleIsDone(t *testing.T) {
	p := plan(t, 1_000_000_000, func(in *Input) { in.Workload.ReadsPerDay, in.Workload.WritesPerDay = 0.1, 0.01 })
	require.Equal(t, 9, p.Shards)
	require.Equal(t, "disk", p.By)
}

// The same users on few and many buckets, alike and unlike.
func TestUneven(t *testing.T) {
	c := Defaults(1).Constants
	require.Equal(t, c.uneven(100_000, 8, 1), c.uneven(100_000, 8, 1), "the same seed")
	require.Greater(t, c.uneven(1_000_000, 960, 1), c.uneven(1_000_000, 16, 1), "few users on a shard are less even")
	require.Less(t, c.uneven(4_000_000, 16, 1), c.uneven(40_000, 16, 1), "more users are more even")
	alike := c
	alike.Activity = 1000
	require.InDelta(t, 1, alike.uneven(960_000, 32, 1), 0.001)
	require.InDelta(t, 1, alike.uneven(960_000, 1, 1), 0.01, "one shard is the mean")
	odd := alike
	odd.Buckets = 10
	require.InDelta(t, 4./10*3, odd.uneven(1_000_000, 3, 1), 0.01, "ten buckets on three shards: one has four")
}

func TestActivityIsWhatTheNameSays(t *testing.T) {
	c, random, all := Defaults(1).Constants, rand.New(rand.NewPCG(1, 0)), make([]float64, 100_000)
	sum := 0.
	for i := range all {
		all[i] = c.activity(random)
		sum += all[i]
	}
	slices.Sort(all)
	busiest := 0.
	for _, one := range all[len(all)*4/5:] {
		busiest += one
	}
	share := busiest / sum
	require.InDelta(t, 0.8, share, 0.12, "a fifth of the users does four fifths")
}

func TestValidateNamesEachMistake(t *testing.T) {
	in := Defaults(0)
	in.Workload.CacheHits, in.Workload.Peak, in.Constants.Utilization, in.Constants.MoveRows = 1.5, 0.5, 0, math.NaN()
	err := in.Validate()
	for _, want := range []string{
		"workload.users: 0 must be above 0", "workload.cacheHits: 1.5 must be between 0 and 1", "workload.peak: 0.5 must be at least 1",
		"constants.utilization: 0 must be between 0.01 and 1", "constants.moveRows: NaN must be above 0",
	} {
		require.ErrorContains(t, err, want)
	}
	require.Len(t, strings.Split(err.Error(), "\n"), 5)
	_, planned := in.Plan(1)
	require.Equal(t, err, planned)
}

// A shard's connections have to fit into memory that its cores come with: 4 GiB each.
func TestConnectionsFitIntoAShard(t *testing.T) {
	c := Defaults(1).Constants
	require.GreaterOrEqual(t, postgres.MaxConnectionsFor(int64(c.ShardCores)*4<<30), c.ShardConnections)
}

func TestTheStackTakesAsManyServersOfTheCache(t *testing.T) {
	most := Defaults(1).Constants.CacheServers
	require.NoError(t, (&redis.Args{Nodes: most}).Validate())
	require.Error(t, (&redis.Args{Nodes: most + 1}).Validate())
}

func TestTheTableOfTheDocsIsCurrent(t *testing.T) {
	const file, begin, end = "../../docs/scale.md", "<!-- table: go test ./internal/capacity -update -->\n", "<!-- end of table -->"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	want := before + begin + Table([]Plan{plan(t, 10_000_000, nil), plan(t, 100_000_000, nil), plan(t, 1_000_000_000, nil)}) + end + after
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(text), "go test ./internal/capacity -update")
}
