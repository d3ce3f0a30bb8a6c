package reshard_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/owner"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// rotate changes the mover's password of a shard, whose senders end, and only later the mounted files: a kubelet takes
// its time. The subscriptions and the mover cannot log in meanwhile.
func (c *cluster) rotate(id int, password string, later time.Duration) {
	former := c.password(id)
	c.Servers[id].ChangePassword(password)
	c.Servers[id].Exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
	time.AfterFunc(later, func() {
		folder := filepath.Join(c.Admin.Credentials, c.Map.Shards[id].Name)
		pgtest.SetFormer(c.t, folder, former)
		pgtest.SetCredentials(c.t, folder, owner.Mover, password)
	})
}

// password is what the mounted files have.
func (c *cluster) password(id int) string {
	config, err := c.connect(&c.Map.Shards[id])
	require.NoError(c.t, err)
	return config.Password
}

// The password of the source or the target changes in each state of a move, under load. The move ends, and no row is lost.
func TestARotationDuringAMove(t *testing.T) {
	c, end := underLoad(t, 2_000)
	rotations := 0
	c.atEachState(t, append(failoverStates(t), reshard.Prepared), func(m *shardmap.Map, state reshard.State) error {
		rotations++
		o := c.options(m)
		o.Observe = 3 * time.Second
		var once sync.Once
		o.OnState = func(mv reshard.Move) {
			if mv.State == state {
				once.Do(func() { c.rotate(0, fmt.Sprint("rotated-", rotations), 2*time.Second) })
			}
		}
		return c.run(o)
	})
	end()
}

// The stream back is not used for as long as a move is observed, and works when the move is taken back.
func TestTheStreamBackGetsANewPassword(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	o := c.options(c.desired(3))
	o.Observe = time.Minute
	var once sync.Once
	o.OnState = func(mv reshard.Move) {
		if mv.State == reshard.Switched {
			once.Do(func() {
				c.rotate(2, "rotated", time.Second)
				go func() {
					const stale = "SELECT count(*) FROM pg_subscription WHERE subname LIKE '%_back' AND subconninfo NOT LIKE '%rotated%'"
					require.Eventually(t, func() bool { return c.Servers[0].Count(pgtest.Database(0), stale) == 0 }, 20*time.Second, 50*time.Millisecond)
					_, err := reshard.New(c.options(c.desired(3))).Rollback(t.Context())
					require.NoError(t, err)
				}()
			})
		}
	}
	var ended *reshard.EndedError
	require.ErrorAs(t, c.run(o), &ended)
	require.Equal(t, reshard.RolledBack, ended.Move.State)
	require.Equal(t, 1_000, c.rows())
	c.requireClean()
}
