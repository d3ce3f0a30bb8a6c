package reshard_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

// fill ends the mover's sessions on a server and takes all its connections for so long.
func (c *cluster) fill(id int, long time.Duration) {
	config, err := c.connect(&c.Map.Shards[id])
	require.NoError(c.t, err)
	var held []*pgx.Conn
	take := func() error {
		conn, err := pgx.ConnectConfig(context.Background(), config)
		if err == nil {
			held = append(held, conn)
		}
		return err
	}
	for err = take(); err == nil; err = take() {
	}
	_, err = held[0].Exec(context.Background(), "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'scalestack-reshard'")
	require.NoError(c.t, err)
	for err = take(); err == nil; err = take() {
	}
	var refusal *pgconn.PgError
	require.True(c.t, errors.As(err, &refusal))
	require.Equal(c.t, "53300", refusal.Code)
	time.AfterFunc(long, func() {
		for _, conn := range held {
			_ = conn.Close(context.Background())
		}
	})
}

// When a server is back, all its clients want in at once, and some are refused for a moment.
func TestAServerHasNoConnectionLeftForAMoment(t *testing.T) {
	c := startCluster(t, 3, 400)
	c.Servers[0].Exec("postgres", "ALTER SYSTEM SET max_connections = 20")
	c.Servers[0].Stop()
	c.Servers[0].Run()
	o := c.options(c.desired(3))
	var once sync.Once
	o.OnState = func(mv reshard.Move) {
		if mv.State == reshard.Prepared {
			once.Do(func() { c.fill(0, 2*time.Second) })
		}
	}
	require.NoError(t, c.run(o))
	require.Equal(t, o.Map.Assignment, c.owners())
	require.Equal(t, 400, c.rows())
	c.requireClean()
}
