package main

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// reserved connections beyond the limit are still read, so that a request gets a
// proper 503; what comes after them is turned away unread.
const reserved = 64

// turnAwayTimeout bounds the answer to a connection that is turned away.
const turnAwayTimeout = 100 * time.Millisecond

const turnedAway = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

// limited is a listener with a limit of open connections. Each costs memory, idle
// or not, and a process that runs out of it is killed with all that it works on.
type limited struct {
	net.Listener
	max  int64
	open atomic.Int64

	closing sync.Once
}

// Close may be called twice: by the drain, and by a Shutdown that comes before Serve
// has seen the first.
func (l *limited) Close() (err error) {
	l.closing.Do(func() { err = l.Listener.Close() })
	return err
}

// connection tells the server whether it is beyond the limit.
type connection struct {
	net.Conn
	beyond bool
	closed sync.Once
	from   *limited
}

// Accept turns away what is beyond the limit and the reserve.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		n := l.open.Add(1)
		if n <= l.max+reserved {
			return &connection{Conn: conn, beyond: n > l.max, from: l}, nil
		}
		l.open.Add(-1)
		_ = conn.SetDeadline(time.Now().Add(turnAwayTimeout))
		_, _ = io.WriteString(conn, turnedAway)
		_ = conn.Close()
	}
}

// Close frees the connection's place, once.
func (c *connection) Close() error {
	c.closed.Do(func() { c.from.open.Add(-1) })
	return c.Conn.Close()
}
