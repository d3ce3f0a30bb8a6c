//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/history"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/scalestack/scalestack/tests/load"
)

// proof is a population of its own, under load in the lab, with the history of
// what its clients were told.
type proof struct {
	t          *testing.T
	namespace  string
	shards     *shardmap.Map
	population history.Population
	history    *history.History
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
	p := &proof{t: t, namespace: outputs(t).Namespace, population: history.NewPopulation(users)}
	p.history = history.New(p.population, p.journal())
	p.readMap()
	t.Cleanup(func() {
		p.onShards(func(ctx context.Context, shards []history.Shard) {
			require.NoError(t, p.population.Remove(ctx, shards))
		})
	})
	began := time.Now()
	p.onShards(func(ctx context.Context, shards []history.Shard) {
		require.NoError(t, p.population.Seed(ctx, p.owners(ctx, shards), shards))
	})
	t.Logf("%d users seeded in %s", users, time.Since(began).Round(time.Millisecond))
	return p
}

// journal is kept with go test -artifacts, for the study of a run that failed.
func (p *proof) journal() *os.File {
	file, err := os.Create(filepath.Join(p.t.ArtifactDir(), "history.log"))
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = file.Close() })
	return file
}

// readMap is called after every deployment: the map may be another.
func (p *proof) readMap() {
	p.t.Helper()
	text := kubectl(p.t, "get", "configmap", outputs(p.t).ShardMap.ConfigMap, "-n", p.namespace, "-o", `jsonpath={.data.map\.json}`)
	m, err := shardmap.Decode([]byte(text))
	require.NoError(p.t, err)
	p.shards = m
}

// target is the app as clients reach it.
func (p *proof) target() load.Target {
	transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 10 * time.Second}
	p.t.Cleanup(transport.CloseIdleConnections)
	return load.Target{Base: "http://" + serviceAddress(p.t, p.namespace, "app"), HTTP: &http.Client{Transport: transport}}
}

// start lets clients work until they are stopped.
func (p *proof) start(o load.Options) {
	o.Target, o.History = p.target(), p.history
	p.clients = load.Start(context.Background(), o)
	p.t.Cleanup(func() { p.clients.Stop() })
}

// onShards connects to every shard of the map, as its administrator. It also
// works in a cleanup, when the test's context has ended.
func (p *proof) onShards(do func(ctx context.Context, shards []history.Shard)) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var shards []history.Shard
	defer func() {
		for _, shard := range shards {
			_ = shard.Conn.Close(ctx)
		}
	}()
	for _, shard := range p.shards.Shards {
		conn, err := pgx.ConnectConfig(ctx, databaseConfig(p.t, p.namespace, shard.ID))
		require.NoError(p.t, err)
		shards = append(shards, history.Shard{ID: shard.ID, Conn: conn, Table: "users"})
	}
	do(ctx, shards)
}

// owners is who owns each bucket, as the shards say.
func (p *proof) owners(ctx context.Context, shards []history.Shard) []int {
	var holdings []history.Holding
	for _, shard := range shards {
		held, err := shard.Holdings(ctx)
		require.NoError(p.t, err)
		holdings = append(holdings, held...)
	}
	return p.history.Owners(p.shards.Buckets, holdings)
}

// assignment is who owns each bucket; every one must have one owner.
func (p *proof) assignment() (owners []int) {
	p.t.Helper()
	p.onShards(func(ctx context.Context, shards []history.Shard) { owners = p.owners(ctx, shards) })
	require.NoError(p.t, p.history.Err())
	return owners
}

// compare stops the clients and holds the shards against the history.
func (p *proof) compare() load.Report {
	p.t.Helper()
	report := p.clients.Stop()
	p.t.Logf("%s", report)
	p.onShards(func(ctx context.Context, shards []history.Shard) {
		rows := make([]iter.Seq2[history.Row, error], len(shards))
		for i, shard := range shards {
			rows[i] = shard.Rows(ctx)
			p.requireClean(ctx, shard)
		}
		require.NoError(p.t, p.history.Compare(p.owners(ctx, shards), history.Merge(rows...)))
	})
	require.NoError(p.t, p.history.Err())
	return report
}

// requireFreshCache reads every user once more, after compare: what the cache has must be what is stored.
func (p *proof) requireFreshCache() {
	p.t.Helper()
	require.Zero(p.t, load.ReadAll(p.target(), p.history).Failed)
	require.NoError(p.t, p.history.Err(), "what the cache has in the end")
}

// requireClean finds whatever moves may have left behind.
func (p *proof) requireClean(ctx context.Context, shard history.Shard) {
	p.t.Helper()
	for _, look := range []func(context.Context) ([]string, error){shard.Traces, shard.Strays} {
		found, err := look(ctx)
		require.NoError(p.t, err)
		require.Empty(p.t, found)
	}
}

// podAddress is the address of a program's first pod.
func (p *proof) podAddress(name string) string {
	p.t.Helper()
	return kubectl(p.t, "get", "pods", "-n", p.namespace, "-l", "app.kubernetes.io/name="+name, "-o", "jsonpath={.items[0].status.podIP}")
}

// appsHave looks at a file that every pod of the app has mounted.
func (p *proof) appsHave(mounted string, wanted func(content string) bool) error {
	pods := strings.Fields(kubectl(p.t, "get", "pods", "-n", p.namespace, "-l", "app.kubernetes.io/name=app", "-o", "jsonpath={.items[*].metadata.uid}"))
	for _, uid := range pods {
		for _, process := range inGroup("/pod" + uid) {
			content, err := os.ReadFile(fmt.Sprintf("/proc/%d/root%s", process, mounted))
			if err == nil && !wanted(string(content)) {
				return fmt.Errorf("pod %s has another %s", uid, mounted)
			}
		}
	}
	return nil
}

// get is the body of an answer.
func (p *proof) get(url string) string {
	p.t.Helper()
	response, err := http.Get(url)
	require.NoError(p.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	return string(body)
}
