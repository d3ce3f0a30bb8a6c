package bench_test

import (
	"io"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// provider is a mail provider that takes its time with each mail.
type provider struct {
	address string
	delay   time.Duration

	mu sync.Mutex
	// accepted is when each mail was, by what stands before the @ of its
	// Message-ID; copies counts the mails of which there is one already.
	accepted map[string]time.Time
	copies   int
}

func startProvider(t *testing.T, delay time.Duration) *provider {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &provider{address: listener.Addr().String(), delay: delay, accepted: map[string]time.Time{}}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return session{p}, nil }))
	server.Domain = "provider.test"
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return p
}

// session is one client's connection.
type session struct{ provider *provider }

func (session) Mail(string, *smtp.MailOptions) error { return nil }
func (session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (session) Reset()                               {}
func (session) Logout() error                        { return nil }

// Data accepts the mail after the delay.
func (s session) Data(r io.Reader) error {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, message.Body); err != nil {
		return err
	}
	<-time.After(s.provider.delay)
	id, _, _ := strings.Cut(strings.Trim(message.Header.Get("Message-ID"), "<>"), "@")
	s.provider.accept(id)
	return nil
}

func (p *provider) accept(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.accepted[id]; known {
		p.copies++
		return
	}
	p.accepted[id] = time.Now()
}

func (p *provider) of(id string) (at time.Time, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, known = p.accepted[id]
	return at, known
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.accepted)
}
