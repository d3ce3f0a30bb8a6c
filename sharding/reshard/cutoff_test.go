package reshard_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// dropOfCopy is how a target's worker asks its source to drop the slot of a table's copy.
const dropOfCopy = "DROP_REPLICATION_SLOT pg_"

// behind puts a proxy before a shard.
func (c *cluster) behind(shard int) *pgtest.Proxy {
	p := pgtest.StartProxy(c.t, c.Servers[shard].Port)
	c.Map.Shards[shard].Port = p.Port
	return p
}

// cutOnce ends the next connection that asks so, after the server has answered and before the
// answer is heard.
func (c *cluster) cutOnce(p *pgtest.Proxy, question string, meanwhile func()) {
	var once sync.Once
	p.Intercept(question, func() (heard bool) {
		heard = true
		once.Do(func() { heard = false; meanwhile() })
		return heard
	})
}

// restart kills a server and starts it again a little later.
func (c *cluster) restart(shard int) {
	c.Servers[shard].Kill()
	go func() { time.Sleep(300 * time.Millisecond); c.Servers[shard].Run() }()
}

// flush makes a server's commits last that nobody waited for.
func (c *cluster) flush(shard int) {
	c.sql(shard, "SELECT pg_logical_emit_message(true, 'flush', $1)", "")
}

// reasons collects why moves were taken back.
func reasons(o *reshard.Options) *[]string {
	var found []string
	o.OnState = func(mv reshard.Move) {
		if mv.State == reshard.Aborted {
			found = append(found, mv.Reason)
		}
	}
	return &found
}

// The slot of a copy is gone from the source, and the target has not written that it needs
// none: PostgreSQL asks for it for ever. The move is made again.
func TestACopyThatIsCutOffAsItEnds(t *testing.T) {
	for name, meanwhile := range map[string]func(c *cluster){
		"the connection ends": func(*cluster) {},
		"the source dies":     func(c *cluster) { c.restart(0) },
		"the target dies":     func(c *cluster) { c.flush(2); c.restart(2) },
	} {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t, 3, 1_000)
			c.cutOnce(c.behind(0), dropOfCopy, func() { meanwhile(c) })
			o := c.options(c.desired(3))
			found := reasons(&o)
			require.NoError(t, c.run(o))
			require.Len(t, *found, 1)
			require.Regexp(t, `^a copy was cut off as it ended: shard-2 waits for the slot pg_\d+_sync_\d+_\d+ of public\.\w+, which shard-0 no longer has$`, (*found)[0])
			require.Equal(t, o.Map.Assignment, c.owners())
			require.Equal(t, 1_000, c.rows())
			c.requireClean()
			c.requireNoneSetAside()
		})
	}
}

// The mover or a server dies while such a move is taken back, or right after.
func TestDeathsAfterACopyThatWasCutOff(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	p := c.behind(0)
	m, back := c.desired(3), c.desired(3, 2)
	for name, die := range map[string]func(reshard.State){
		"mover": func(state reshard.State) {
			require.False(t, c.startMover(m, state).wait(t), "not killed")
			require.True(t, c.startMover(m, "").wait(t))
		},
		"source": func(state reshard.State) { c.runAndKill(m, 0, state) },
		"target": func(state reshard.State) { c.runAndKill(m, 2, state) },
	} {
		for _, state := range []reshard.State{reshard.Aborting, reshard.Aborted} {
			t.Run(name+"/"+string(state), func(t *testing.T) {
				c.cutOnce(p, dropOfCopy, func() {})
				die(state)
				require.Equal(t, m.Assignment, c.owners())
				c.requireClean()
				require.NoError(t, c.run(c.options(back)))
			})
		}
	}
}

// runAndKill kills a server when a move reaches a state, which it has to.
func (c *cluster) runAndKill(m *shardmap.Map, server int, state reshard.State) {
	c.t.Helper()
	o, restarted := c.killAt(m, server, state)
	reached, kill := false, o.OnState
	o.OnState = func(mv reshard.Move) { reached = reached || mv.State == state; kill(mv) }
	require.NoError(c.t, c.run(o))
	restarted.Wait()
	require.True(c.t, reached, "%s is not reached", state)
}

// A worker that hears late that its slot is dropped has not failed.
func TestACopyThatEndsSlowly(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	var slow sync.Once
	c.behind(0).Intercept(dropOfCopy, func() bool { slow.Do(func() { time.Sleep(3 * time.Second) }); return true })
	o := c.options(c.desired(3))
	found := reasons(&o)
	require.NoError(t, c.run(o))
	require.Empty(t, *found)
	require.Equal(t, o.Map.Assignment, c.owners())
	c.requireClean()
}

// acknowledge makes a client write for the move's first bucket.
func (c *cluster) acknowledge(mv reshard.Move) {
	c.writes(mv.Source, mv.Buckets[0], fmt.Sprintf("UPDATE accounts SET name = 'acknowledged' WHERE user_id = %[1]d; INSERT INTO notes VALUES (%[1]d, 77, 'acknowledged')", mv.Buckets[0]))
}

func (c *cluster) requireAcknowledged() {
	c.t.Helper()
	for _, table := range []string{"accounts", "notes"} {
		require.Equal(c.t, 1, c.owned(table+" WHERE name = 'acknowledged'"), table)
	}
}

// A target that dies right after its copies have ended has flushed that their rows are there,
// and not that they have ended. The changes since would never come.
func TestATargetThatForgetsThatItsCopiesHaveEnded(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	c.sql(2, "ALTER SYSTEM SET wal_writer_delay = '10s'")
	c.sql(2, "SELECT pg_reload_conf()")
	c.behind(0).Intercept(dropOfCopy, func() bool { c.flush(2); return true })
	o := c.options(c.desired(3))
	var taken []string
	var once sync.Once
	o.OnState = func(mv reshard.Move) {
		switch mv.State {
		case reshard.Copied:
			once.Do(func() { c.acknowledge(mv); c.restart(2) })
		case reshard.Aborted:
			taken = append(taken, mv.Reason)
		}
	}
	require.NoError(t, c.run(o))
	require.Len(t, taken, 1)
	require.Contains(t, taken[0], "a copy was cut off as it ended: ")
	require.Equal(t, o.Map.Assignment, c.owners())
	c.requireAcknowledged()
	c.requireClean()
}

// A target that has not flushed the rows either begins its copies again, which may have to
// wait for transactions of the source.
func TestATargetThatBeginsItsCopiesAgain(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	p := c.behind(0)
	o := c.options(c.desired(3))
	onceAt(&o, reshard.Copied, func(mv reshard.Move) {
		c.acknowledge(mv)
		p.Intercept(`CREATE_REPLICATION_SLOT "pg_`, func() bool { time.Sleep(2 * time.Second); return true })
		c.sql(2, "SET session_replication_role = replica; DELETE FROM accounts; DELETE FROM notes; UPDATE pg_subscription_rel SET srsubstate = 'd', srsublsn = NULL")
		c.restart(2)
	})
	require.NoError(t, c.run(o))
	require.Equal(t, o.Map.Assignment, c.owners())
	c.requireAcknowledged()
	c.requireClean()
}

// A rollback that copies everything back begins its copy again.
func TestACopyBackThatIsCutOff(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	before := c.owners()
	c.cutOnce(c.behind(2), dropOfCopy, func() {})
	o := c.options(c.desired(3))
	o.Observe = time.Minute
	onceAt(&o, reshard.Switched, func(reshard.Move) {
		c.dropBack()
		_, err := reshard.New(o).Rollback(t.Context())
		require.NoError(t, err)
	})
	var ended *reshard.EndedError
	require.ErrorAs(t, c.run(o), &ended)
	require.Equal(t, reshard.RolledBack, ended.Move.State)
	require.Equal(t, before, c.owners())
	require.Equal(t, 1_000, c.rows())
	c.requireClean()
}

// A copy can take so long that its slot falls behind by more than the source keeps, while
// that of the stream follows. It would do so again, so a person has to see to it.
func TestACopyWhoseSlotFallsBehind(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	before := c.owners()
	c.sql(0, "ALTER SYSTEM SET max_slot_wal_keep_size = '64MB'")
	c.sql(0, "SELECT pg_reload_conf()")
	var once sync.Once
	c.behind(0).Intercept("COPY (SELECT", func() bool { once.Do(c.fallBehind); return true })
	o := c.options(c.desired(3))
	var ended *reshard.EndedError
	require.ErrorAs(t, c.run(o), &ended)
	require.Equal(t, reshard.Aborted, ended.Move.State)
	require.Regexp(t, `^shard-0 no longer has the changes of public\.\w+ that shard-2 needs$`, ended.Move.Reason)
	require.Equal(t, before, c.owners())
	c.requireClean()
	require.NoError(t, c.run(o))
	require.Equal(t, o.Map.Assignment, c.owners())
	c.requireClean()
}

// fallBehind writes to shard 0's log until the slots of copies are lost, no faster than the
// stream's own slot follows.
func (c *cluster) fallBehind() {
	const lost = "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'pg\\_%' AND wal_status = 'lost'"
	for range 20 {
		if c.count(0, lost) > 0 {
			return
		}
		c.sql(0, "SELECT pg_logical_emit_message(false, 'fill', repeat('x', $1))", 16<<20)
		c.sql(0, "CHECKPOINT")
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if c.count(0, "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'scalestack%' AND restart_lsn > pg_current_wal_lsn() - (32 << 20)::numeric") > 0 {
				break
			}
		}
	}
	c.t.Error("no slot is lost")
}

// The target forgets how far the copy of a table has come, which only a person can do to it.
func TestACopyWithoutItsOrigin(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	var begun sync.Once
	dropped := make(chan struct{})
	c.behind(0).Intercept(`START_REPLICATION SLOT "pg_`, func() bool {
		begun.Do(func() { go c.dropOrigin(dropped) })
		select {
		case <-dropped:
			return true
		default:
			return false
		}
	})
	o := c.options(c.desired(3))
	found := reasons(&o)
	require.NoError(t, c.run(o))
	require.Len(t, *found, 1)
	require.Regexp(t, `^a copy was cut off as it ended: shard-2 has lost how far its copy of public\.\w+ has come$`, (*found)[0])
	require.Equal(t, o.Map.Assignment, c.owners())
	c.requireClean()
}

// dropOrigin waits until the copy's worker is away.
func (c *cluster) dropOrigin(done chan struct{}) {
	conn := c.Servers[2].Admin(pgtest.Database(2))
	defer conn.Close(c.t.Context())
	for {
		tag, err := conn.Exec(c.t.Context(), "SELECT pg_replication_origin_drop(roname) FROM (SELECT roname FROM pg_replication_origin WHERE roname ~ '^pg_[0-9]+_[0-9]+$' LIMIT 1) AS one")
		if err == nil && tag.RowsAffected() > 0 || c.t.Context().Err() != nil {
			close(done)
			return
		}
	}
}
