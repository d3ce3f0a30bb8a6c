package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Proxy stands between clients and a server and can hold back the server's answers.
type Proxy struct {
	// Port is where it listens on 127.0.0.1.
	Port int

	server   string
	listener net.Listener
	mu       sync.Mutex
	delay    time.Duration
	// thawed is closed while bytes pass.
	thawed chan struct{}
	// text identifies the client messages for whose answers intercept is called.
	text      []byte
	intercept func() bool
	open      map[net.Conn]bool
	ended     bool
	work      sync.WaitGroup
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

// Delay delays every answer by d; 0 ends that.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Freeze keeps all connections but lets nothing pass in either direction, like a host
// behind a broken network. New connections are accepted and get no answer.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.thawed = make(chan struct{})
}

// Thaw ends a freeze and delivers what was held back.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
	default:
		close(p.thawed)
	}
}

// Intercept calls do whenever the server has answered a message with this text and the
// client has not received the answer yet. If do returns false, the connection ends
// instead.
func (p *Proxy) Intercept(text string, do func() bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text, p.intercept = []byte(text), do
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
	var asked atomic.Bool
	p.work.Go(func() { p.pass(server, client, false, &asked) })
	p.pass(client, server, true, &asked)
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

// pass ends both connections when one has ended. asked is set from the message that
// Intercept waits for until the server answers.
func (p *Proxy) pass(to, from net.Conn, answers bool, asked *atomic.Bool) {
	defer p.end(to, from)
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		p.hold(answers && n > 0)
		p.mu.Lock()
		text, do := p.text, p.intercept
		p.mu.Unlock()
		if !answers && do != nil && bytes.Contains(buffer[:n], text) {
			asked.Store(true)
		}
		if answers && asked.Swap(false) && !do() {
			return
		}
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
