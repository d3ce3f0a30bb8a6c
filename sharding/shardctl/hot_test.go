package shardctl

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

// heatOf is that of 12 buckets on 3 shards, of which some have more operations.
func heatOf(owners []int, each float64, busy map[int]float64) *heat {
	m := &shardmap.Map{Buckets: 12, Assignment: owners}
	t := &traffic{reads: map[int]float64{}, writes: map[int]float64{}, shards: map[string]float64{}}
	for id, name := range []string{"shard-0", "shard-1", "shard-2"} {
		m.Shards = append(m.Shards, shardmap.Shard{ID: id, Name: name})
	}
	for bucket, owner := range owners {
		t.reads[bucket] = each + busy[bucket]
		t.whole += t.reads[bucket]
		t.shards[m.Shards[owner].Name] += t.reads[bucket]
	}
	return newHeat(m, &reshard.Sizes{Owner: owners, Rows: make([]int64, len(owners))}, t)
}

func TestAdvice(t *testing.T) {
	even := []int{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}
	const room = "bucket 3 is hot, and no other shard has room for it: add a shard, or give shard 0 a smaller weight, so that other buckets leave it"
	for name, c := range map[string]struct {
		heat *heat
		want []string
	}{
		"all alike": {heatOf(even, 10, nil), nil},
		"nothing":   {heatOf(even, 0, nil), nil},
		"too few":   {heatOf(even, 0.1, map[int]float64{3: 9}), nil},
		// 80 of 190: shard 0 has 110 and shard 1 would have 120.
		"it is most of its shard": {heatOf(even, 10, map[int]float64{3: 70}), []string{room}},
		"its shard has others": {heatOf([]int{0, 0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 2}, 10, map[int]float64{3: 70}),
			[]string{`bucket 3 is hot; in scalestack:postgres this gives it to shard 1: pins: {"3": 1}`}},
		"a pin counts for the next": {heatOf([]int{0, 0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 2}, 1, map[int]float64{3: 50, 4: 49}),
			[]string{`bucket 3 is hot; in scalestack:postgres this gives it to shard 1: pins: {"3": 1}`,
				`bucket 4 is hot; in scalestack:postgres this gives it to shard 2: pins: {"4": 2}`}},
		"not to a shard without buckets": {heatOf([]int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 10, map[int]float64{3: 70}), []string{room}},
	} {
		require.Equal(t, c.want, c.heat.advice(), name)
	}
}

func TestHot(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	t.Setenv("SCALESTACK_SHARD_MAP", shards.Admin.MapFile)
	t.Setenv("SCALESTACK_SHARD_CREDENTIALS", shards.Admin.Credentials)
	t.Setenv("SCALESTACK_LOG_LEVEL", "error")
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	shards.Servers[1].Exec(pgtest.Database(1), "INSERT INTO notes SELECT 3, version, 'x' FROM generate_series(1, 8000) AS version")
	shards.Servers[1].Exec(pgtest.Database(1), "INSERT INTO notes SELECT 5, version, 'x' FROM generate_series(1, 2000) AS version")

	// A login without a right to any table.
	t.Setenv("SCALESTACK_SHARD_CREDENTIALS", shards.App.Credentials)
	for id, server := range shards.Servers {
		server.Exec(pgtest.Database(id), "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM app")
	}
	out, err := hot(t)
	require.NoError(t, err)
	lines := strings.Split(out, "\n")
	require.Equal(t, []string{"BUCKET", "SHARD", "ROWS", "READS/s", "WRITES/s", "SHARE", "TIMES", "EVEN"}, strings.Fields(lines[0]))
	require.Equal(t, []string{"3", "1", "8000", "-", "-", "80.00", "%", "9.6"}, strings.Fields(lines[1]))
	require.Equal(t, []string{"5", "1", "2000", "-", "-", "20.00", "%", "2.4"}, strings.Fields(lines[2]))
	require.Contains(t, out, `bucket 3 is hot; in scalestack:postgres this gives it to shard 0: pins: {"3": 0}`)

	out, err = hot(t, "--top", "1", "--prometheus", answering(t, map[string]string{
		"bucket_operations": `{"metric":{"bucket":"4","kind":"read"},"value":[0,"30"]},{"metric":{"bucket":"4","kind":"write"},"value":[0,"20.25"]}`,
		"pool_acquires":     `{"metric":{"shard":"shard-0"},"value":[0,"90"]},{"metric":{"shard":"shard-1"},"value":[0,"10"]}`,
		"db_operations":     `{"metric":{},"value":[0,"100"]}`,
	}))
	require.NoError(t, err)
	require.Equal(t, []string{"4", "0", "0", "30.0", "20.2", "50.25", "%", "6.0"}, strings.Fields(strings.Split(out, "\n")[1]))
	require.Contains(t, out, `pins: {"4": 1}`)

	for want, args := range map[string][]string{
		"--top: 0 is not between 1 and 16384":   {"--top", "0"},
		"--over: 1s is not between 1m and 720h": {"--over", "1s"},
		"no operation was counted in 1h0m0s":    {"--prometheus", answering(t, nil)},
		"connection refused":                    {"--prometheus", "http://127.0.0.1:1"},
	} {
		_, err := hot(t, args...)
		require.ErrorContains(t, err, want)
	}
}

func hot(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := Command()
	root.SetArgs(append([]string{"hot"}, args...))
	root.SetOut(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// answering serves answers as Prometheus words them, by a part of the query.
func answering(t *testing.T, series map[string]string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found := ""
		for part, answer := range series {
			if strings.Contains(r.FormValue("query"), part) {
				found = answer
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success",
			"data": map[string]any{"resultType": "vector", "result": json.RawMessage("[" + found + "]")}})
	}))
	t.Cleanup(server.Close)
	return server.URL
}
