package reshard_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// severed ends when it is to carry something, the first time of all connections.
type severed struct {
	net.Conn
	at   func(statement []byte) bool
	once *sync.Once
}

func (s *severed) Write(b []byte) (int, error) {
	if s.at(b) {
		s.once.Do(func() { _ = s.Close() })
	}
	return s.Conn.Write(b)
}

// moveSevered makes the moves to a map with a connection that ends on the way.
func (c *cluster) moveSevered(t *testing.T, m *shardmap.Map, at func(statement []byte) bool) {
	t.Helper()
	o := c.options(m)
	var once sync.Once
	o.Connect = func(shard *shardmap.Shard) (*pgx.ConnConfig, error) {
		config, err := c.connect(shard)
		if err != nil {
			return nil, err
		}
		dial := config.DialFunc
		config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			return &severed{conn, at, &once}, err
		}
		return config, nil
	}
	require.NoError(t, c.run(o))
	require.Equal(t, o.Map.Assignment, c.owners())
	c.requireClean()
	once.Do(func() { t.Error("no connection was severed") })
}

// A server can die right after it has answered, on each kind of connection.
func TestConnectionEndsAtItsBegin(t *testing.T) {
	c := startCluster(t, 3, 100)
	for n, statement := range []string{
		"FROM scalestack.shard", "pg_control_system", "pg_try_advisory_lock",
		"pg_create_logical_replication_slot", "CREATE_REPLICATION_SLOT", "START_REPLICATION",
	} {
		t.Run(statement, func(t *testing.T) {
			c.moveSevered(t, c.flip(n), func(b []byte) bool { return bytes.Contains(b, []byte(statement)) })
		})
	}
}

func TestConnectionEndsAtRandom(t *testing.T) {
	c := startCluster(t, 3, 100)
	faults(t, 5, func(t *testing.T, n int, random *rand.Rand) {
		var left atomic.Int64
		left.Store(1 + random.Int64N(300))
		c.moveSevered(t, c.flip(n), func([]byte) bool { return left.Add(-1) == 0 })
	})
}
