package pgtest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Proxy stands between clients and a server, and can hold back what the server says.
type Proxy struct {
	// Port is where it listens on 127.0.0.1.
	Port int

	server   string
	listener net.Listener
	mu       sync.Mutex
	delay    time.Duration
	// thawed is closed while bytes pass.
	thawed chan struct{}
	open   map[net.Conn]bool
	ended  bool
	work   sync.WaitGroup
}

// StartProxy runs a proxy to a port of 127.0.0.1 until the test ends.
func StartProxy(t *testing.T, port int) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &Proxy{Port: listener.Addr().(*net.TCPAddr).Port, server: fmt.Sprintf("127.0.0.1:%d", port),
		listener: listener, thawed: make(chan struct{}), open: map[net.Conn]bool{}}
	close(p.thawed)
	p.work.Go(p.accept)
	t.Cleanup(p.Stop)
	return p
}

// Delay holds back every answer for so long; 0 ends it.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Freeze keeps all connections and lets nothing pass in either direction, as a host
// behind a broken network does; new ones are accepted and hear nothing.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.thawed = make(chan struct{})
}

// Thaw ends a freeze; what was held back arrives.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
	default:
		close(p.thawed)
	}
}

// Stop ends all connections; the port refuses new ones.
func (p *Proxy) Stop() {
	p.Thaw()
	_ = p.listener.Close()
	p.mu.Lock()
	p.ended = true
	for conn := range p.open {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.work.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		_ = client.Close()
		return
	}
	p.track(client, server)
	p.work.Go(func() { p.pass(server, client, false) })
	p.pass(client, server, true)
}

func (p *Proxy) track(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		p.open[conn] = true
		if p.ended {
			_ = conn.Close()
		}
	}
}

// pass ends both connections when one has ended.
func (p *Proxy) pass(to, from net.Conn, answers bool) {
	defer p.end(to, from)
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		p.hold(answers && n > 0)
		_, failed := to.Write(buffer[:n])
		if err := errors.Join(err, failed); err != nil {
			return
		}
	}
}

func (p *Proxy) end(conns ...io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		_ = conn.Close()
		delete(p.open, conn.(net.Conn))
	}
}

// hold waits as long as the next bytes have to.
func (p *Proxy) hold(delayed bool) {
	p.mu.Lock()
	delay, thawed := p.delay, p.thawed
	p.mu.Unlock()
	if delayed && delay > 0 {
		time.Sleep(delay)
	}
	<-thawed
}
