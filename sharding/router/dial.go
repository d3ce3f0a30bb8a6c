package router

import (
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// bound limits how long a network connection may hang. When a statement times out, pgx
// asks the server to cancel it and waits 15 s for both connections to close, and a pool
// counts the connection until then. On a shard that does not answer at all, a few
// statements would use up the pool and keep it after the shard is back. So each of the
// two waits lasts no longer than an attempt to connect.
func bound(config *pgconn.Config, most time.Duration) {
	dialer := &net.Dialer{Timeout: most}
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return boundConn{conn, most}, conn.SetDeadline(time.Now().Add(most))
	}
	// Not called for a cancellation's connection, whose deadline stays.
	config.AfterNetConnect = func(_ context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
		return conn, conn.SetDeadline(time.Time{})
	}
}

// boundConn has no deadline, or one in the near future.
type boundConn struct {
	net.Conn
	most time.Duration
}

// SetDeadline takes the earlier of t and the bound.
func (c boundConn) SetDeadline(t time.Time) error {
	if last := time.Now().Add(c.most); t.After(last) {
		t = last
	}
	return c.Conn.SetDeadline(t)
}
