package bench_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/bench"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// crowds are the numbers of clients at once.
var crowds = []int{1, 8, 32}

// members are a shard's servers. names is synchronous_standby_names as Patroni sets it for so many; tests of
// components/postgres ask Patroni itself.
type members struct {
	name  string
	count int
	names string
}

var topologies = []members{
	{"1 member", 1, ""},
	{"2 members, both have it", 2, "standby_1"},
	{"3 members, any 2 have it", 3, "ANY 1 (standby_1,standby_2)"},
}

// TestCommit compares registrations on a single server with those that a standby acknowledges too.
func TestCommit(t *testing.T) {
	operations, really := measuring(t, 20)
	rounds := 2
	if really {
		rounds = 7
		machine(t)
	}
	config := serverConfig(t)
	var sides []bench.Side
	for _, one := range topologies {
		sides = append(sides, one.start(t, config))
	}
	disk := flushes(t, 200)
	flush, _ := disk.Percentile(50)
	for _, clients := range crowds {
		plan := bench.Plan{Rounds: rounds, Operations: operations * min(clients, 8), Clients: clients}
		results, err := bench.Alternate(t.Context(), plan, sides...)
		require.NoError(t, err)
		publish(t, bench.Compare(fmt.Sprintf("registrations: %d at once, %d rounds of %d", clients, rounds, plan.Operations), results,
			fmt.Sprintf("one page to this disk and flushed, alone: p50 %s, longest %s", bench.Round(flush), bench.Round(disk.Longest()))).
			WithRates("registrations/s", 1, clients, results))
	}
}

// start runs a shard's servers. The single one has what a commit of several waits for in addition.
func (m members) start(t *testing.T, config string) bench.Side {
	t.Helper()
	shards, _ := shardtest.Start(t, 1)
	primary := shards.Servers[0]
	primary.Configure(config)
	for n := range m.count - 1 {
		primary.FollowAs(fmt.Sprintf("standby_%d", n+1), "")
	}
	primary.WaitFor(m.names, m.count-1)
	options := shards.App.As("service")
	options.Pool, options.StatementTimeout = crowds[len(crowds)-1], time.Minute
	r, err := router.New(options)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	return bench.Side{
		Name: m.name,
		Do: func(ctx context.Context, _ int) error {
			_, _, err := store.Create(ctx, users.Profile{Name: "Ada", Email: "ada@example.com"}, "")
			return err
		},
		// A standby that was lost would be a turn without it.
		Finish: func(context.Context) error { primary.WaitFor(m.names, m.count-1); return nil },
	}
}

// serverConfig is what the component postgres renders for a shard of stack dev.
func serverConfig(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../../../tests/golden/dev.yaml")
	require.NoError(t, err)
	var graph []struct {
		Inputs struct{ Data map[string]any }
	}
	require.NoError(t, yaml.Unmarshal(content, &graph))
	for _, resource := range graph {
		if text, ok := resource.Inputs.Data["postgresql.conf"].(string); ok {
			return text
		}
	}
	require.FailNow(t, "stack dev has no postgresql.conf")
	return ""
}

// flushes are writes of one page to the disk that the servers share, each until it is there.
func flushes(t *testing.T, count int) (sample bench.Sample) {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "page")
	require.NoError(t, err)
	defer file.Close()
	page := make([]byte, 8<<10)
	for range count {
		began := time.Now()
		_, err := file.WriteAt(page, 0)
		require.NoError(t, errors.Join(err, syscall.Fdatasync(int(file.Fd()))))
		sample = append(sample, time.Since(began))
	}
	return sample
}
