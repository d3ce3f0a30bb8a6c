package reshard_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

// everywhere runs a statement on every server, as a team's own migration does.
func (c *cluster) everywhere(sql string) {
	c.t.Helper()
	for id, server := range c.Servers {
		server.Exec(pgtest.Database(id), sql)
	}
}

// onceAt runs something when a move first reaches a state.
func onceAt(o *reshard.Options, state reshard.State, do func(mv reshard.Move)) {
	var once sync.Once
	o.OnState = func(mv reshard.Move) {
		if mv.State == state {
			once.Do(func() { do(mv) })
		}
	}
}

// writes is what a client does by the contract.
func (c *cluster) writes(shard int, user int32, sql string) {
	c.t.Helper()
	conn := c.Servers[shard].App(pgtest.Database(shard))
	defer conn.Close(c.t.Context())
	_, err := conn.Exec(c.t.Context(), fmt.Sprintf("SELECT scalestack.hold(%d); ", user)+sql)
	require.NoError(c.t, err)
}

// owned counts rows where their bucket's owner is.
func (c *cluster) owned(condition string) (rows int) {
	c.t.Helper()
	for id := range c.Servers {
		rows += c.count(id, "SELECT count(*) FROM "+condition+" AND scalestack.owned(user_id)")
	}
	return rows
}

const newTable = "CREATE TABLE orders (user_id bigint PRIMARY KEY, what text NOT NULL); SELECT scalestack.adopt('orders'); GRANT ALL ON orders TO app"

// A team's own migration, which docs/sharding.md allows, makes a sharded table on every
// shard while a move is under way: the move is made again, with the table.
func TestATableThatComesDuringAMove(t *testing.T) {
	for _, state := range []reshard.State{reshard.Prepared, reshard.Copied, reshard.CaughtUp, reshard.Verified, reshard.Armed} {
		t.Run(string(state), func(t *testing.T) {
			c := startCluster(t, 3, 200)
			o := c.options(c.desired(3))
			onceAt(&o, state, func(mv reshard.Move) {
				c.everywhere(newTable)
				c.writes(mv.Source, mv.Buckets[0], fmt.Sprintf("INSERT INTO orders VALUES (%d, 'acknowledged')", mv.Buckets[0]))
			})
			require.NoError(t, c.run(o))
			require.Equal(t, o.Map.Assignment, c.owners())
			require.Equal(t, 1, c.owned("orders WHERE what = 'acknowledged'"), "the order is on the shard that owns its user")
			c.requireClean()
		})
	}
}

// A table that had its rows before it is adopted, in the moment in which neither side owns
// the buckets.
func TestATableThatIsAdoptedAtTheHandOver(t *testing.T) {
	c := startCluster(t, 3, 200)
	c.everywhere("CREATE TABLE orders (user_id bigint PRIMARY KEY, what text NOT NULL)")
	c.sql(0, "INSERT INTO orders VALUES ($1, 'early')", c.movingBucket())
	o := c.options(c.desired(3))
	onceAt(&o, reshard.HandedOver, func(reshard.Move) { c.everywhere("SELECT scalestack.adopt('orders')") })
	require.NoError(t, c.run(o))
	require.Equal(t, o.Map.Assignment, c.owners())
	require.Equal(t, 1, c.owned("orders WHERE what = 'early'"))
	c.requireClean()
	c.requireNoneSetAside()
}

// A table that comes while a move can still be rolled back is not in the stream back, which
// is made anew.
func TestARollbackWithATableThatHasCome(t *testing.T) {
	c := startCluster(t, 3, 200)
	before := c.owners()
	o := c.options(c.desired(3))
	o.Observe = time.Minute
	operator := reshard.New(o)
	onceAt(&o, reshard.Switched, func(mv reshard.Move) {
		c.everywhere(newTable)
		c.writes(mv.Target, mv.Buckets[0], fmt.Sprintf("INSERT INTO orders VALUES (%d, 'acknowledged')", mv.Buckets[0]))
		cost, err := operator.WayBack(t.Context(), mv)
		require.NoError(t, err)
		require.Contains(t, cost, "rows are copied back first")
		_, err = operator.Rollback(t.Context())
		require.NoError(t, err)
	})
	var ended *reshard.EndedError
	require.ErrorAs(t, c.run(o), &ended)
	require.Equal(t, reshard.RolledBack, ended.Move.State)
	require.Equal(t, before, c.owners())
	require.Equal(t, 1, c.owned("orders WHERE what = 'acknowledged'"))
	c.requireClean()
}

// A table is made anew under its name, as tools for large changes do.
func TestATableThatIsMadeAnewDuringAMove(t *testing.T) {
	c := startCluster(t, 3, 200)
	o := c.options(c.desired(3))
	onceAt(&o, reshard.Armed, func(mv reshard.Move) {
		c.everywhere(`BEGIN; SELECT scalestack.sweep();
			ALTER TABLE notes RENAME TO notes_old; ALTER TABLE notes_old RENAME CONSTRAINT notes_pkey TO notes_old_pkey;
			CREATE TABLE notes (LIKE notes_old INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
			INSERT INTO notes SELECT * FROM notes_old WHERE scalestack.owned(user_id);
			ALTER TABLE notes ADD CONSTRAINT notes_pkey PRIMARY KEY (user_id, version);
			DROP TABLE notes_old; SELECT scalestack.adopt('notes'); GRANT ALL ON notes TO app; COMMIT`)
		c.writes(mv.Source, mv.Buckets[0], fmt.Sprintf("INSERT INTO notes VALUES (%d, 77, 'acknowledged')", mv.Buckets[0]))
	})
	require.NoError(t, c.run(o))
	require.Equal(t, o.Map.Assignment, c.owners())
	require.Equal(t, 1, c.owned("notes WHERE name = 'acknowledged'"))
	c.requireClean()
}

// Each shard fills a new column for itself where its default differs from row to row, or
// from moment to moment, and no log tells.
func TestAColumnThatComesAfterTheComparison(t *testing.T) {
	for name, column := range map[string]string{
		"rewritten":      "seen uuid NOT NULL DEFAULT gen_random_uuid()",
		"also rewritten": "seen timestamptz NOT NULL DEFAULT clock_timestamp()",
		"one value":      "seen timestamptz NOT NULL DEFAULT now()",
	} {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t, 3, 200)
			owners := c.owners()
			o := c.options(c.desired(3))
			var user int32
			var before int
			const seen = "SELECT hashtext(seen::text) FROM accounts WHERE user_id = $1"
			onceAt(&o, reshard.Armed, func(mv reshard.Move) {
				user = mv.Buckets[0]
				c.everywhere("ALTER TABLE accounts ADD COLUMN " + column)
				before = c.count(mv.Source, seen, user)
			})
			require.ErrorContains(t, c.run(o), "was aborted: source and target differ: public.accounts")
			require.Equal(t, owners, c.owners())
			require.Equal(t, before, c.count(c.owners()[user], seen, user), "what clients have seen")
			c.requireClean()
			require.NoError(t, c.run(c.options(o.Map)), "a copy takes the values along")
			require.Equal(t, before, c.count(c.owners()[user], seen, user), "what clients have seen")
		})
	}
}

// A rewrite that changes no value costs one more comparison, on whichever side.
func TestARewriteAfterTheComparison(t *testing.T) {
	c := startCluster(t, 3, 200)
	for n, server := range []int{0, 2} {
		o := c.options(c.flip(n))
		reached := map[reshard.State]int{}
		o.OnState = func(mv reshard.Move) {
			if reached[mv.State]++; mv.State == reshard.Armed && reached[mv.State] == 1 {
				c.sql(server, "VACUUM FULL accounts")
			}
		}
		require.NoError(t, c.run(o))
		require.Equal(t, reached[reshard.Complete]+1, reached[reshard.Verified], "compared once more")
		require.Equal(t, o.Map.Assignment, c.owners())
		c.requireClean()
	}
}
