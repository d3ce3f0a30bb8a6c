package adopt_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/adopt"
	"github.com/scalestack/scalestack/sharding/catalog"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// mover returns the options of one that makes three shards of two, and the map.
func mover(t *testing.T, shards *pgtest.Shards) reshard.Options {
	t.Helper()
	assignment, err := shardmap.Desired(shardmap.Spec{Buckets: 60, InitialShards: 2, Shards: 3})
	require.NoError(t, err)
	next := *shards.Map
	next.Assignment = assignment
	return reshard.Options{Map: &next, Connect: shards.Admin.As("test").ConnConfig,
		Observe: 100 * time.Millisecond, Patience: time.Minute, Log: slog.New(slog.DiscardHandler)}
}

// A table whose rows still lie as the base map has them is adopted after buckets have moved.
// What lies where its bucket was once is refused like any misplaced row: it would be
// deleted when the bucket comes back.
func TestAdoptWithRowsOfBucketsThatHaveMoved(t *testing.T) {
	shards := start(t, 3)
	require.NoError(t, run(t, shards, nil))
	o := mover(t, shards)
	require.NoError(t, reshard.New(o).Run(t.Context()))
	customer := 0
	for o.Map.Assignment[customer] != 2 || customer%2 != 0 {
		customer++
	}
	for id, server := range shards.Servers {
		server.Exec(pgtest.Database(id), "CREATE TABLE invoices (customer_id bigint PRIMARY KEY, cents bigint NOT NULL)")
	}
	shards.Servers[0].Exec(pgtest.Database(0), "INSERT INTO invoices VALUES ($1, 4200)", customer)
	invoices := func(o *adopt.Options) { o.Tables = []catalog.Candidate{{Table: "invoices", Key: "customer_id"}} }
	var refused *adopt.RefusedError
	require.ErrorAs(t, run(t, shards, invoices), &refused)
	require.ErrorContains(t, refused, "shard-0: invoices: 1 rows are in buckets that the shard does not own")

	shards.Servers[0].Exec(pgtest.Database(0), "DELETE FROM invoices")
	shards.Servers[2].Exec(pgtest.Database(2), "INSERT INTO invoices VALUES ($1, 4200)", customer)
	require.NoError(t, run(t, shards, invoices))
}

// Copies and old rows of a move that is not at its end are no reason to refuse a repair.
func TestAdoptBesideAnOpenMove(t *testing.T) {
	shards := start(t, 3)
	require.NoError(t, run(t, shards, nil))
	for id := range 2 {
		shards.Servers[id].Exec(pgtest.Database(id), "INSERT INTO customers SELECT n, 'Customer ' || n FROM generate_series($1::int, 600, 2) AS n", id)
	}
	for _, state := range []reshard.State{reshard.Copied, reshard.Switched} {
		t.Run(string(state), func(t *testing.T) {
			ctx, die := context.WithCancel(t.Context())
			o := mover(t, shards)
			o.OnState = func(mv reshard.Move) {
				if mv.State == state {
					die()
				}
			}
			require.Error(t, reshard.New(o).Run(ctx))
			for id, server := range shards.Servers {
				server.Exec(pgtest.Database(id), "ALTER TABLE customers DISABLE TRIGGER fence; ALTER TABLE orders DISABLE TRIGGER fence")
			}
			require.NoError(t, run(t, shards, nil))
			shards.Servers[1].Exec(pgtest.Database(1), "SET session_replication_role = replica; INSERT INTO customers VALUES (0, 'misplaced')")
			require.ErrorContains(t, run(t, shards, nil), "shard-1: customers: 1 rows are in buckets")
			shards.Servers[1].Exec(pgtest.Database(1), "SET session_replication_role = replica; DELETE FROM customers WHERE id = 0")
		})
	}
}
