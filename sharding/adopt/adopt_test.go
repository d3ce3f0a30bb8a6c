// The tests shard examples/sharding/orders on real servers.
package adopt_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/adopt"
	"github.com/scalestack/scalestack/sharding/catalog"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

var tables = []catalog.Candidate{{Table: "customers", Key: "id"}, {Table: "addresses", Key: "customer_id"},
	{Table: "orders", Key: "customer_id"}, {Table: "order_items", Key: "customer_id"}}

// start runs servers with the shop's tables, of which the first two own everything.
func start(t *testing.T, servers int) *pgtest.Shards {
	t.Helper()
	shards := pgtest.StartShards(t, servers)
	shards.Map.Buckets, shards.Map.InitialShards, shards.Map.Assignment = 60, 2, shardmap.Base(60, 2)
	shards.Write(shards.Map)
	require.NoError(t, migrate.Run(t.Context(), shards.Map, shards.Admin.As("test").ConnConfig, slog.New(slog.DiscardHandler)))
	schema, err := os.ReadFile("../../examples/sharding/orders/schema.sql")
	require.NoError(t, err)
	for id, server := range shards.Servers {
		server.Exec(pgtest.Database(id), string(schema))
	}
	return shards
}

func run(t *testing.T, shards *pgtest.Shards, change func(*adopt.Options)) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o := adopt.Options{Map: shards.Map, Connect: shards.Admin.As("test").ConnConfig, Tables: tables, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	return adopt.Run(ctx, o)
}

func TestAdopt(t *testing.T) {
	shards := start(t, 3)
	exec := func(id int, sql string) { t.Helper(); shards.Servers[id].Exec(pgtest.Database(id), sql) }
	count := func(id int, sql string) int { t.Helper(); return shards.Servers[id].Count(pgtest.Database(id), sql) }
	const fences = "SELECT count(*) FROM pg_trigger WHERE tgname IN ('fence', 'fence_guard')"
	refused := func(t *testing.T, err error, messages ...string) {
		t.Helper()
		var refused *adopt.RefusedError
		require.ErrorAs(t, err, &refused)
		for _, message := range messages {
			require.ErrorContains(t, err, message)
		}
		for id := range 3 {
			require.Zero(t, count(id, fences), "nothing was changed")
		}
	}

	t.Run("without the tables that belong to it", func(t *testing.T) {
		err := run(t, shards, func(o *adopt.Options) { o.Tables = tables[2:3] })
		refused(t, err,
			"shard-0: orders: the foreign key orders_customer_id_fkey refers to customers, which is not sharded or not by the same key",
			"shard-2: orders: order_items refers to it by the foreign key order_items_customer_id_number_fkey and is not sharded by the same key")
	})
	t.Run("by a column that is none", func(t *testing.T) {
		err := run(t, shards, func(o *adopt.Options) {
			o.Tables = []catalog.Candidate{{Table: "order_items", Key: "line"}, {Table: "orders", Key: "customer"}}
		})
		refused(t, err, "shard-1: order_items: the key column line is integer and not bigint", "shard-1: orders: has no column customer")
	})
	t.Run("a table that one shard does not have", func(t *testing.T) {
		exec(2, "ALTER TABLE order_items RENAME TO hidden")
		defer exec(2, "ALTER TABLE hidden RENAME TO order_items")
		refused(t, run(t, shards, nil), "shard-2: order_items: the table does not exist")
	})
	t.Run("with rows of other shards", func(t *testing.T) {
		exec(0, "INSERT INTO customers VALUES (1, 'belongs to shard 1')")
		defer exec(0, "TRUNCATE customers CASCADE")
		refused(t, run(t, shards, nil), "shard-0: customers: 1 rows are in buckets that the shard does not own")
	})
	t.Run("while a writer is at it", func(t *testing.T) {
		exec(0, "INSERT INTO customers VALUES (0, 'Ada'); INSERT INTO addresses VALUES (0, 'home', 'x'); INSERT INTO orders (customer_id, number, ship_to) VALUES (0, 5000, 'home')")
		conn := shards.Servers[0].Admin(pgtest.Database(0))
		defer conn.Close(context.Background())
		tx, err := conn.Begin(t.Context())
		require.NoError(t, err)
		var drawn int64
		require.NoError(t, tx.QueryRow(t.Context(), "INSERT INTO orders (customer_id, ship_to) VALUES (0, 'home') RETURNING number").Scan(&drawn))
		ended := make(chan error, 1)
		go func() { ended <- run(t, shards, nil) }()
		require.Never(t, func() bool { return len(ended) > 0 }, 2*time.Second, 50*time.Millisecond)
		// Nobody waits long behind the one who waits for the table.
		_, err = shards.Servers[0].App(pgtest.Database(0)).Exec(t.Context(), "SET statement_timeout = '3s'; SELECT FROM orders")
		require.NoError(t, err)
		require.NoError(t, tx.Commit(t.Context()))
		require.NoError(t, <-ended)
	})
	t.Run("adopted", func(t *testing.T) {
		numbers := map[int]bool{}
		for id := range 3 {
			require.Equal(t, 8, count(id, fences))
			number := count(id, "SELECT nextval('orders_number_seq')")
			require.Equal(t, id, number%catalog.Stride)
			require.Greater(t, number, 5000)
			require.False(t, numbers[number])
		}
	})
	t.Run("again changes nothing", func(t *testing.T) {
		const triggers = "SELECT sum(oid::bigint)::int FROM pg_trigger WHERE tgname LIKE 'fence%'"
		before := count(0, triggers)
		require.NoError(t, run(t, shards, nil))
		require.Equal(t, before, count(0, triggers))
	})
	t.Run("what has changed since is put in order", func(t *testing.T) {
		exec(1, "ALTER TABLE orders DISABLE TRIGGER ALL; DROP TRIGGER fence_guard ON customers; ALTER SEQUENCE orders_number_seq INCREMENT BY 1")
		require.NoError(t, run(t, shards, nil))
		exec(1, "ALTER TABLE orders DISABLE TRIGGER fence_guard")
		require.NoError(t, run(t, shards, nil))
		require.Zero(t, count(1, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'fence%' AND tgenabled <> 'O'"))
		exec(1, "CREATE OR REPLACE FUNCTION scalestack.enter(wanted integer) RETURNS bigint LANGUAGE sql AS 'SELECT 1'")
		require.NoError(t, run(t, shards, nil))
		require.Zero(t, count(1, "SELECT count(*) FROM scalestack.changed_functions()"))
	})
	t.Run("unguarded and guarded", func(t *testing.T) {
		require.NoError(t, run(t, shards, func(o *adopt.Options) { o.Unguarded = true }))
		app := shards.Servers[0].App(pgtest.Database(0))
		_, err := app.Exec(t.Context(), "UPDATE customers SET name = 'x' WHERE id = 0")
		require.NoError(t, err)
		require.NoError(t, run(t, shards, nil))
		_, err = app.Exec(t.Context(), "UPDATE customers SET name = 'x' WHERE id = 0")
		require.ErrorContains(t, err, "the transaction holds no key that it could write in customers (SQLSTATE SS002)")
		_, err = app.Exec(t.Context(), "INSERT INTO customers VALUES (1, 'misplaced')")
		require.ErrorContains(t, err, "bucket 1 is not owned by shard 0 (SQLSTATE SS001)")
		_, err = app.Exec(t.Context(), "SELECT scalestack.sweep(); UPDATE customers SET id = 1 WHERE id = 0")
		require.ErrorContains(t, err, "SS001")
	})
	t.Run("a name that needs quotes", func(t *testing.T) {
		for id := range 3 {
			exec(id, `CREATE TABLE "Odd Table" ("Customer ""No""" bigint PRIMARY KEY); GRANT ALL ON "Odd Table" TO app`)
		}
		require.NoError(t, run(t, shards, func(o *adopt.Options) {
			o.Tables = []catalog.Candidate{{Table: `"Odd Table"`, Key: `Customer "No"`}}
		}))
		app := shards.Servers[0].App(pgtest.Database(0))
		_, err := app.Exec(t.Context(), `INSERT INTO "Odd Table" VALUES (2)`)
		require.NoError(t, err)
		_, err = app.Exec(t.Context(), `INSERT INTO "Odd Table" VALUES (1)`)
		require.ErrorContains(t, err, "bucket 1 is not owned by shard 0 (SQLSTATE SS001)")
		exec(0, `ALTER TABLE "Odd Table" ADD long_`+strings.Repeat("x", 50)+` bigint NOT NULL DEFAULT 0`)
		err = run(t, shards, func(o *adopt.Options) {
			o.Tables = []catalog.Candidate{{Table: `"Odd Table"`, Key: "long_" + strings.Repeat("x", 50)}}
		})
		var refused *adopt.RefusedError
		require.ErrorAs(t, err, &refused)
		require.ErrorContains(t, err, "has more than 54 bytes")
	})
	t.Run("not while a mover works", func(t *testing.T) {
		conn := shards.Servers[1].Admin(pgtest.Database(1))
		defer conn.Close(context.Background())
		_, err := conn.Exec(t.Context(), "SELECT pg_advisory_lock($1)", int64(0x72657368617264))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err = adopt.Run(ctx, adopt.Options{Map: shards.Map, Connect: shards.Admin.As("test").ConnConfig, Tables: tables, Log: slog.New(slog.DiscardHandler)})
		require.ErrorContains(t, err, "shard-1: waiting for a mover")
	})
}
