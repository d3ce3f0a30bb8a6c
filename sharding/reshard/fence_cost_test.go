package reshard_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/sharding/bench"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

const (
	// fenceVariable is the number of operations of a turn.
	fenceVariable = "SCALESTACK_MEASURE_FENCE"
	fenceClients  = 4
	fenceRounds   = 10
	fenceUsers    = 100_000
)

// fenceCost is one shard that owns everything.
type fenceCost struct {
	*cluster
	pool *pgxpool.Pool
	// inserted counts new users, all of which get even ids: this shard's.
	inserted atomic.Int64
}

// TestMeasureFence compares single statements with the fence and without, in
// turns on one table, and questions to all shards with their condition and without.
func TestMeasureFence(t *testing.T) {
	operations := environment(t, fenceVariable, 0)
	if operations == 0 {
		t.Skipf("a measurement and no test: set %s to the operations of a turn", fenceVariable)
	}
	c := startCluster(t, 2, fenceUsers)
	f := &fenceCost{cluster: c, pool: c.pool()}
	c.Servers[0].Exec(pgtest.Database(0), "CREATE INDEX by_email ON accounts (email)")
	c.Servers[0].Exec(pgtest.Database(0), "VACUUM ANALYZE accounts")

	const read = "SELECT name, email, version FROM accounts WHERE user_id = $1"
	const readable = "SELECT name, email, version FROM scalestack.readable($1) LEFT JOIN accounts ON user_id = $1"
	const guarded = "SELECT scalestack.require_readable(wanted), name, email, version FROM (SELECT $1::bigint AS wanted) AS w LEFT JOIN accounts ON user_id = wanted"
	one := bench.Plan{Rounds: fenceRounds, Operations: operations, Clients: fenceClients}
	const change = "UPDATE accounts SET name = 'New', version = version + 1 WHERE user_id = $1"
	insert, update, held := f.insert, f.on(change), f.heldOn(change)
	f.compare(one, "insert", f.side("without", false, insert), f.side("fence", true, insert))
	f.compare(one, "update", f.side("without", false, update), f.side("fence and hold", true, held))
	f.compare(one, "read", f.side("without", false, f.on(read)), f.side("readable", true, f.on(readable)), f.side("require_readable", true, f.on(guarded)))
	f.compare(one, "a third each", f.side("without", false, mixed(insert, update, f.on(read))), f.side("fence", true, mixed(insert, held, f.on(readable))))

	f.takeApart(one)

	few := bench.Plan{Rounds: fenceRounds, Operations: 10, Clients: 1}
	owned := c.routerOn(c.App).Owned("user_id")
	f.compare(few, fmt.Sprintf("count of about %d rows", c.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM accounts")),
		f.side("without", true, f.question("SELECT count(*) FROM accounts")),
		f.side("Owned", true, f.question("SELECT count(*) FROM accounts WHERE "+owned)),
		f.side("scalestack.owned", true, f.question("SELECT count(*) FROM accounts WHERE scalestack.owned(user_id)")))
	few.Operations = operations
	f.compare(few, "search by e-mail",
		f.side("without", true, f.question("SELECT user_id FROM accounts WHERE email = '4710@example.com'")),
		f.side("scalestack.owned", true, f.question("SELECT user_id FROM accounts WHERE email = '4710@example.com' AND scalestack.owned(user_id)")))
}

// takeApart compares what readable and hold consist of, each as a statement of its own.
func (f *fenceCost) takeApart(one bench.Plan) {
	const bucket = "scalestack.bucket_of($1)"
	owned := "o.bucket = " + bucket + " AND o.state IN ('owned', 'fenced')"
	side := func(name, sql string) bench.Side { return f.side(name, true, f.on(sql)) }
	f.compare(one, "a read, taken apart",
		side("without", "SELECT name, email, version FROM accounts WHERE user_id = $1"),
		side("no table", "SELECT $1::bigint"),
		side("join, no refusal", "SELECT name, email, version FROM scalestack.ownership AS o LEFT JOIN accounts ON user_id = $1 WHERE "+owned),
		side("join, refusal", "SELECT name, email, version FROM (SELECT) AS one LEFT JOIN scalestack.ownership AS o ON "+owned+
			" LEFT JOIN accounts ON user_id = $1 WHERE o.bucket IS NOT NULL OR scalestack.refuse_read("+bucket+")"))
	f.compare(one, "a hold, taken apart",
		side("no table", "SELECT $1::bigint"),
		side("the lock alone", "SELECT pg_try_advisory_xact_lock_shared(21331, "+bucket+")"),
		side("lock and probe", "SELECT scalestack.enter("+bucket+")"),
		side("hold", "SELECT scalestack.hold($1)"))
}

func (c *cluster) pool() *pgxpool.Pool {
	config, err := pgxpool.ParseConfig("")
	require.NoError(c.t, err)
	config.ConnConfig, err = c.App.As("bench").ConnConfig(&c.Map.Shards[0])
	require.NoError(c.t, err)
	config.MaxConns = fenceClients
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	require.NoError(c.t, err)
	c.t.Cleanup(pool.Close)
	return pool
}

type operation func(ctx context.Context, n int) error

// side sets the triggers before its turn.
func (f *fenceCost) side(name string, fence bool, do operation) bench.Side {
	set := map[bool]string{true: "ENABLE", false: "DISABLE"}[fence]
	return bench.Side{Name: name, Do: do, Prepare: func(context.Context) error {
		f.Servers[0].Exec(pgtest.Database(0), "ALTER TABLE accounts "+set+" TRIGGER USER")
		f.Servers[0].Exec(pgtest.Database(0), "CHECKPOINT")
		return nil
	}}
}

// user is an existing one, in an order that repeats in every turn.
func user(n int) int64 { return int64(n) * 7919 % (fenceUsers / 4) * 2 }

// on runs a statement on existing users.
func (f *fenceCost) on(sql string) operation {
	return func(ctx context.Context, n int) error {
		_, err := f.pool.Exec(ctx, sql, user(n))
		return err
	}
}

// heldOn sends the hold along, as the router does.
func (f *fenceCost) heldOn(sql string) operation {
	return func(ctx context.Context, n int) error {
		batch := &pgx.Batch{}
		batch.Queue("SELECT scalestack.hold($1)", user(n))
		batch.Queue(sql, user(n))
		return f.pool.SendBatch(ctx, batch).Close()
	}
}

func (f *fenceCost) insert(ctx context.Context, _ int) error {
	_, err := f.pool.Exec(ctx, "INSERT INTO accounts (user_id, name, email) VALUES ($1, 'New', 'new@example.com')", 2*f.inserted.Add(1)+fenceUsers)
	return err
}

func (f *fenceCost) question(sql string) operation {
	return func(ctx context.Context, _ int) error {
		_, err := f.pool.Exec(ctx, sql)
		return err
	}
}

func mixed(all ...operation) operation {
	return func(ctx context.Context, n int) error { return all[n%len(all)](ctx, n) }
}

// compare logs a table; throughput is that of clients that are never idle.
func (f *fenceCost) compare(p bench.Plan, title string, sides ...bench.Side) {
	f.t.Helper()
	results, err := bench.Alternate(f.t.Context(), p, sides...)
	require.NoError(f.t, err)
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %d clients, %d rounds of %d", title, p.Clients, p.Rounds, p.Operations)
	for _, r := range results {
		all := r.All()
		fmt.Fprintf(&text, "\n  %-18s %7.0f/s  p50 %-8s p99 %-8s", r.Name, rate(all, p.Clients), percentile(all, 50), percentile(all, 99))
		if r.Name != results[0].Name {
			ratios := ratios(r, results[0], p.Clients)
			fmt.Fprintf(&text, " throughput %.2f (%.2f to %.2f)", ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1])
		}
	}
	f.t.Log(text.String())
}

// percentile is a dash where too few operations were measured.
func percentile(s bench.Sample, p int) string {
	if value, known := s.Percentile(p); known {
		return bench.Round(value).String()
	}
	return "-"
}

func rate(s bench.Sample, clients int) float64 {
	var busy time.Duration
	for _, took := range s {
		busy += took
	}
	return float64(len(s)) * float64(clients) / busy.Seconds()
}

// ratios compares the rounds' throughputs, ascending.
func ratios(a, b bench.Result, clients int) (list []float64) {
	for round := range a.Rounds {
		list = append(list, rate(a.Rounds[round], clients)/rate(b.Rounds[round], clients))
	}
	slices.Sort(list)
	return list
}
