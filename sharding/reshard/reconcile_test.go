package reshard_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

const restoredUsers = 2_000

func (c *cluster) reconcile(o reshard.ReconcileOptions) (*reshard.Reconciliation, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	return reshard.New(c.options(c.Map)).Reconcile(ctx, o)
}

// requireNothing says that no run has anything to do any more.
func (c *cluster) requireNothing() {
	c.t.Helper()
	found, err := c.reconcile(reshard.ReconcileOptions{})
	require.NoError(c.t, err)
	require.Empty(c.t, found.Lines)
}

func (c *cluster) sql(shard int, sql string, args ...any) {
	c.t.Helper()
	c.Servers[shard].Exec(pgtest.Database(shard), sql, args...)
}

func (c *cluster) count(shard int, sql string, args ...any) int {
	c.t.Helper()
	return c.Servers[shard].Count(pgtest.Database(shard), sql, args...)
}

// addUsers adds who is on a shard: in its table, or set aside.
func (c *cluster) addUsers(set map[int64]bool, shard int, aside bool) {
	c.t.Helper()
	conn := c.Servers[shard].Admin(pgtest.Database(shard))
	defer conn.Close(context.Background())
	sql := "SELECT user_id FROM accounts"
	if aside {
		sql = "SELECT key FROM scalestack.set_aside WHERE source = 'public.accounts'"
	}
	rows, err := conn.Query(context.Background(), sql)
	require.NoError(c.t, err)
	defer rows.Close()
	for rows.Next() {
		var id int64
		require.NoError(c.t, rows.Scan(&id))
		set[id] = true
	}
	require.NoError(c.t, rows.Err())
}

func (c *cluster) snapshot() string {
	var text strings.Builder
	for id := range c.Servers {
		fmt.Fprintln(&text, c.count(id, "SELECT count(*) FROM accounts"), c.count(id, "SELECT count(*) FROM pg_publication"),
			c.count(id, "SELECT coalesce(sum(hashtext(ownership::text)::bigint), 0) FROM scalestack.ownership"),
			c.count(id, "SELECT coalesce(sum(hashtext(move::text)::bigint), 0) FROM scalestack.move"))
	}
	return text.String()
}

// The shard that gave buckets away is restored to before that.
func TestReconcileAGiverFromBeforeTheMove(t *testing.T) {
	c := startCluster(t, 3, restoredUsers)
	moment := c.Servers[0].Keep()
	require.NoError(t, c.run(c.options(c.desired(3))))
	owners := c.owners()
	var moved int64 = -1
	for bucket, owner := range owners {
		if owner == 2 && bucket%2 == 0 {
			moved = int64(bucket)
		}
	}
	require.NotEqual(t, int64(-1), moved)
	store := c.store()
	_, _, err := store.Put(t.Context(), moved, accounts.Profile{Name: "Changed since"})
	require.NoError(t, err)
	c.sql(2, "BEGIN; SELECT scalestack.sweep(); DELETE FROM accounts WHERE user_id = "+fmt.Sprint(moved+buckets)+"; COMMIT")
	c.Servers[0].Restore(moment, "friday")

	// Nobody goes on as if nothing had happened.
	before := c.snapshot()
	err = c.run(c.options(c.desired(3)))
	var refused *reshard.RefusedError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "Fix: shardctl reconcile")
	plan, err := c.reconcile(reshard.ReconcileOptions{})
	require.NoError(t, err)
	require.Equal(t, before, c.snapshot(), "a plan changes nothing")
	lines := strings.Join(plan.Lines, "\n")
	require.Contains(t, lines, "shards 0 and 2 own ")
	require.Contains(t, lines, "shard 2 since later")
	require.Contains(t, lines, fmt.Sprintf("not on shard 2: 1 (%d to %[1]d); with other rows there: 1 (%d to %[2]d)", moved+buckets, moved))
	require.Contains(t, lines, "shard-0 was restored (friday)")

	done, err := c.reconcile(reshard.ReconcileOptions{Apply: true})
	require.NoError(t, err)
	require.Equal(t, plan.Lines, done.Lines)
	require.Equal(t, owners, c.owners())
	c.requireClean()
	c.requireNothing()
	require.Positive(t, c.count(0, "SELECT count(*) FROM scalestack.set_aside"))
	require.Equal(t, 1, c.count(0, "SELECT count(*) FROM scalestack.set_aside, json_populate_record(NULL::accounts, content) WHERE user_id = $1 AND name = 'Seeded ' || $1", moved+buckets))
	account, _, err := store.Get(t.Context(), moved)
	require.NoError(t, err)
	require.Equal(t, "Changed since", account.Name)
	require.Equal(t, buckets, c.count(0, "SELECT count(*) FROM scalestack.ownership")+c.count(1, "SELECT count(*) FROM scalestack.ownership"))

	// Moves go on, and their names are new.
	require.NoError(t, c.run(c.options(c.desired(3, 2))))
	c.requireClean()
	require.NoError(t, c.run(c.options(c.desired(3))))
	require.Positive(t, c.count(0, "SELECT count(*) FROM scalestack.move WHERE id > 1000000"))
}

// The shard that got buckets is restored to before that, and nobody else has their rows.
func TestReconcileATakerFromBeforeTheMove(t *testing.T) {
	c := startCluster(t, 3, restoredUsers)
	before := c.Servers[2].Keep()
	require.NoError(t, c.run(c.options(c.desired(3))))
	owners := c.owners()
	after := c.Servers[2].Keep()
	c.Servers[2].Restore(before, "friday")

	result, err := c.reconcile(reshard.ReconcileOptions{Apply: true})
	var refused *reshard.RefusedError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "no owner. Shard 2 was the last one and was restored to before that")
	var lost []int32
	for bucket, owner := range owners {
		if owner == 2 {
			lost = append(lost, int32(bucket))
		}
	}
	require.Equal(t, lost, result.Undecided)
	require.Contains(t, result.Lines, "  shard-0 has 0 rows there")

	// A later moment has them.
	c.Servers[2].Restore(after, "saturday")
	_, err = c.reconcile(reshard.ReconcileOptions{Apply: true})
	require.NoError(t, err)
	require.Equal(t, owners, c.owners())
	require.Equal(t, restoredUsers, c.rows())
	c.requireNothing()

	// Or they begin with what is there, nothing.
	c.Servers[2].Restore(before, "sunday")
	give := map[int32]int{}
	for _, bucket := range lost {
		give[bucket] = 1
	}
	_, err = c.reconcile(reshard.ReconcileOptions{Give: map[int32]int{0: 9, 999: 0}})
	require.ErrorContains(t, err, "bucket 0: shard 9 is not in the map\nbucket 999: must be between 0 and 59")
	_, err = c.reconcile(reshard.ReconcileOptions{Apply: true, Give: give})
	require.NoError(t, err)
	_, err = c.reconcile(reshard.ReconcileOptions{Apply: true, Give: give})
	require.NoError(t, err, "the same command again")
	c.requireNothing()
	require.NotContains(t, c.owners(), 2)
	c.requireClean()
	_, _, err = c.store().Put(t.Context(), int64(lost[0]), accounts.Profile{Name: "New"})
	require.NoError(t, err)
	_, err = c.reconcile(reshard.ReconcileOptions{Give: map[int32]int{lost[0]: 0}})
	require.ErrorContains(t, err, "only buckets that the plan names as undecided")
	require.NoError(t, c.run(c.options(c.desired(3))))
	c.requireClean()
}

// The target of a move that can still be rolled back is restored to before it: the only
// rows are the source's old ones, which the mover is about to delete.
func TestReconcileATakerWhileItsMoveIsObserved(t *testing.T) {
	c := startCluster(t, 3, restoredUsers)
	before := c.Servers[2].Keep()
	require.False(t, c.startMover(c.desired(3), reshard.Switched).wait(t), "not killed")
	c.Servers[2].Restore(before, "friday")
	err := c.run(c.options(c.desired(3)))
	var refused *reshard.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, restoredUsers, c.rows())

	done, err := c.reconcile(reshard.ReconcileOptions{Apply: true})
	require.NoError(t, err)
	lines := strings.Join(done.Lines, "\n")
	require.Contains(t, lines, "has every row of before and takes back what it gave")
	require.NotContains(t, c.owners(), 2)
	c.requireClean()
	require.Equal(t, restoredUsers, c.rows())
	c.requireNothing()
	require.NoError(t, c.run(c.options(c.desired(3))))
	c.requireClean()
	require.Equal(t, restoredUsers, c.rows())
}

// The documented statement brings back what a row was, to the last bit.
func TestWhatIsSetAsideComesBackAsItWas(t *testing.T) {
	c := startCluster(t, 3, 200)
	c.everywhere("CREATE TABLE documents (user_id bigint PRIMARY KEY, dropped text, body jsonb NOT NULL, list integer[], at timestamptz, amount float8, raw bytea); " +
		"ALTER TABLE documents DROP COLUMN dropped; SELECT scalestack.adopt('documents')")
	c.sql(2, `SET session_replication_role = replica; INSERT INTO documents VALUES (1, 'null', NULL, NULL, NULL, NULL), (3, '{"a": null}', '{}', NULL, 0, ''),
		(5, '"x, (\"y\")"', '[0:1]={1,NULL}', 'infinity', 'NaN', '\x00ff'), (7, '[]', NULL, '2026-03-29 02:30:00.000001+01', 0.1::float8 + 0.2, NULL);
		CREATE TABLE before AS SELECT * FROM documents`)
	done, err := c.reconcile(reshard.ReconcileOptions{Apply: true})
	require.NoError(t, err)
	require.Len(t, done.Lines, 1)
	require.Zero(t, c.count(2, "SELECT count(*) FROM documents"))
	require.Equal(t, 4, c.count(2, `SELECT count(*) FROM before AS b JOIN (
		SELECT (as_text::public.documents).* FROM scalestack.set_aside WHERE source = 'public.documents') AS r
		USING (user_id) WHERE r::text = b::text`))
}
