//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/shardmap"
	"github.com/scalestack/scalestack/tests/load"
)

// proof is a population of its own, under load in the lab, with the history of
// what its clients were told.
type proof struct {
	t          *testing.T
	namespace  string
	population load.Population
	history    *load.History
	clients    *load.Load
}

// number returns a number from the environment.
func number(t *testing.T, name string, byDefault int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return byDefault
	}
	value, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err, name)
	return value
}

// newProof seeds so many users, which are gone when the test ends.
func newProof(t *testing.T, users int64) *proof {
	t.Helper()
	p := &proof{t: t, namespace: outputs(t).Namespace, population: load.NewPopulation(users)}
	p.history = load.NewHistory(p.population, p.journal())
	t.Cleanup(func() { p.remove() })
	began := time.Now()
	p.onShards(t.Context(), func(ctx context.Context, shards []load.Shard) {
		require.NoError(t, p.population.Seed(ctx, p.owners(ctx, shards), shards))
	})
	t.Logf("users %d to %d seeded in %s", p.population.First, p.population.First+users-1, time.Since(began).Round(time.Millisecond))
	return p
}

// journal is kept with go test -artifacts, for the study of a run that failed.
func (p *proof) journal() *os.File {
	file, err := os.Create(filepath.Join(p.t.ArtifactDir(), "history.log"))
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = file.Close() })
	return file
}

func (p *proof) remove() {
	// The test's own context has ended by now.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	p.onShards(ctx, func(ctx context.Context, shards []load.Shard) {
		require.NoError(p.t, p.population.Remove(ctx, shards))
	})
}

// start lets clients work until they are stopped.
func (p *proof) start(o load.Options) {
	address := serviceAddress(p.t, p.namespace, "app")
	transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 10 * time.Second}
	p.t.Cleanup(transport.CloseIdleConnections)
	o.Target = load.Target{Base: "http://" + address, HTTP: &http.Client{Transport: transport}}
	o.History = p.history
	p.clients = load.Start(context.Background(), o)
	p.t.Cleanup(func() { p.clients.Stop() })
}

// onShards connects to every shard that the stack has now, as its administrator.
func (p *proof) onShards(ctx context.Context, do func(ctx context.Context, shards []load.Shard)) {
	p.t.Helper()
	var shards []load.Shard
	defer func() {
		for _, shard := range shards {
			_ = shard.Conn.Close(context.WithoutCancel(ctx))
		}
	}()
	for _, shard := range currentMap(p.t, p.namespace).Shards {
		conn, err := pgx.ConnectConfig(ctx, databaseConfig(p.t, p.namespace, shard.ID))
		require.NoError(p.t, err)
		shards = append(shards, load.Shard{ID: shard.ID, Conn: conn})
	}
	do(ctx, shards)
}

// owners is who owns each bucket, as the shards say.
func (p *proof) owners(ctx context.Context, shards []load.Shard) []int {
	var holdings []load.Holding
	for _, shard := range shards {
		held, err := shard.Holdings(ctx)
		require.NoError(p.t, err)
		holdings = append(holdings, held...)
	}
	return p.history.Owners(currentMap(p.t, p.namespace).Buckets, holdings)
}

// compare stops the clients and holds the shards against their history.
func (p *proof) compare() load.Report {
	p.t.Helper()
	report := p.clients.Stop()
	p.t.Logf("load: %s", report)
	p.onShards(p.t.Context(), func(ctx context.Context, shards []load.Shard) {
		rows := make([]iter.Seq2[load.Row, error], len(shards))
		for i, shard := range shards {
			rows[i] = shard.Rows(ctx)
			traces, err := shard.Traces(ctx)
			require.NoError(p.t, err)
			require.Empty(p.t, traces)
			strays, err := shard.Strays(ctx)
			require.NoError(p.t, err)
			require.Empty(p.t, strays)
		}
		require.NoError(p.t, p.history.Compare(p.owners(ctx, shards), load.Merge(rows...)))
	})
	require.NoError(p.t, p.history.Err())
	return report
}

// currentMap is the shard map that the stack wants.
func currentMap(t *testing.T, namespace string) *shardmap.Map {
	t.Helper()
	text := kubectl(t, "get", "configmap/shard-map", "-n", namespace, "-o", `jsonpath={.data.map\.json}`)
	m, err := shardmap.Decode([]byte(text))
	require.NoError(t, err)
	return m
}

// TestLoadFindsNothingOnAQuietStack is the measure for all other proofs: what
// the clients meet with when nothing moves and nothing is killed.
func TestLoadFindsNothingOnAQuietStack(t *testing.T) {
	p := newProof(t, number(t, "USERS", 20_000))
	p.start(load.Options{Rate: 300, Zipf: 1.1})
	eventually(t, time.Minute, "3,000 operations", func() error {
		if n := p.clients.Report().Operations; n < 3000 {
			return fmt.Errorf("%d operations", n)
		}
		return nil
	})
	report := p.compare()
	require.Zero(t, report.Failed)
	require.Zero(t, report.Repeated)
}
