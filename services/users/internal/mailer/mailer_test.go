package mailer_test

import (
	"errors"
	"io"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/scalestack/scalestack/services/users/internal/mailer"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/stretchr/testify/require"
)

// sink is a mail server that answers what the recipient's local part says.
type sink struct {
	mu       sync.Mutex
	received []string
}

func (s *sink) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{sink: s, conn: c}, nil
}

type session struct {
	sink *sink
	conn *smtp.Conn
	to   string
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }
func (s *session) Reset()                               {}
func (s *session) Logout() error                        { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to, _, _ = strings.Cut(to, "@")
	switch s.to {
	case "nobody":
		return &smtp.SMTPError{Code: 550, Message: "no such mailbox"}
	case "full":
		return &smtp.SMTPError{Code: 452, Message: "later"}
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.sink.mu.Lock()
	s.sink.received = append(s.sink.received, string(content))
	s.sink.mu.Unlock()
	switch s.to {
	case "spam":
		return &smtp.SMTPError{Code: 554, Message: "not this"}
	case "hangup":
		return s.conn.Conn().Close()
	}
	return nil
}

func start(t *testing.T) (*sink, settings.Mail) {
	t.Helper()
	s := &sink{}
	server := smtp.NewServer(s)
	server.Domain = "localhost"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return s, settings.Mail{Address: listener.Addr().String(), From: "Shop <shop@mail.example.com>", TLS: "none"}
}

func mailTo(local string) mailer.Mail {
	return mailer.Mail{ID: "0190b8b4-0000-7000-8000-000000000001", Name: "Ada Ω", To: local + "@example.com", Subject: "Hello Ω", Text: "Text\n"}
}

func TestSend(t *testing.T) {
	s, to := start(t)
	m, err := mailer.NewSMTP(to)
	require.NoError(t, err)
	require.NoError(t, m.Send(t.Context(), mailTo("ada")))
	require.Len(t, s.received, 1)
	for _, line := range []string{
		"Message-ID: <0190b8b4-0000-7000-8000-000000000001@mail.example.com>", `From: "Shop" <shop@mail.example.com>`,
		"To: =?utf-8?q?Ada_=CE=A9?= <ada@example.com>", "Subject: =?UTF-8?q?Hello_=CE=A9?=", "Auto-Submitted: auto-generated", "Date: ",
	} {
		require.Contains(t, s.received[0], line)
	}
}

func TestAnyNameIsADisplayName(t *testing.T) {
	s, to := start(t)
	for _, name := range []string{
		`Inch 5" Pipe`, `"`, `""`, `a\`, `\"`, `Ada <root@example.com>`, `a, b@example.com`, `x>`, `(`, `:;@`, `"Ωmega"`, `=?utf-8?q?x?=`, ``,
		strings.Repeat("ö\"", 100),
	} {
		t.Run(name, func(t *testing.T) {
			s.received = nil
			mail := mailTo("ada")
			mail.Name, mail.Subject = name, "Welcome, "+name
			sender := to
			sender.From = (&netmail.Address{Name: name, Address: "shop@mail.example.com"}).String()
			m, err := mailer.NewSMTP(sender)
			require.NoError(t, err)
			require.NoError(t, m.Send(t.Context(), mail))
			require.Len(t, s.received, 1)
			message, err := netmail.ReadMessage(strings.NewReader(s.received[0]))
			require.NoError(t, err)
			for header, address := range map[string]string{"To": "ada@example.com", "From": "shop@mail.example.com"} {
				list, err := message.Header.AddressList(header)
				require.NoError(t, err)
				require.Equal(t, []*netmail.Address{{Name: name, Address: address}}, list, message.Header.Get(header))
			}
		})
	}
}

func TestWhatIsKnownAfterAFailure(t *testing.T) {
	s, to := start(t)
	m, err := mailer.NewSMTP(to)
	require.NoError(t, err)
	requireNotSent := func(t *testing.T, err error, refused bool, message string) {
		t.Helper()
		var notSent *mailer.NotSentError
		require.ErrorAs(t, err, &notSent)
		require.Equal(t, refused, notSent.Refused)
		require.ErrorContains(t, err, message)
	}
	t.Run("refused for ever", func(t *testing.T) {
		requireNotSent(t, m.Send(t.Context(), mailTo("nobody")), true, "no such mailbox")
		requireNotSent(t, m.Send(t.Context(), mailTo("spam")), true, "not this")
		requireNotSent(t, m.Send(t.Context(), mailTo("no address")), true, "the recipient")
	})
	t.Run("refused for now", func(t *testing.T) {
		requireNotSent(t, m.Send(t.Context(), mailTo("full")), false, "later")
	})
	t.Run("nobody there", func(t *testing.T) {
		down := to
		down.Address = "127.0.0.1:1"
		other, err := mailer.NewSMTP(down)
		require.NoError(t, err)
		requireNotSent(t, other.Send(t.Context(), mailTo("ada")), false, "connection refused")
	})
	t.Run("TLS is insisted on", func(t *testing.T) {
		insist := to
		insist.TLS = "starttls"
		other, err := mailer.NewSMTP(insist)
		require.NoError(t, err)
		requireNotSent(t, other.Send(t.Context(), mailTo("ada")), false, "STARTTLS")
	})
	t.Run("no credentials", func(t *testing.T) {
		secret := to
		secret.Credentials = t.TempDir()
		other, err := mailer.NewSMTP(secret)
		require.NoError(t, err)
		requireNotSent(t, other.Send(t.Context(), mailTo("ada")), false, "username: no such file")
	})
	t.Run("unknown", func(t *testing.T) {
		s.received = nil
		err := m.Send(t.Context(), mailTo("hangup"))
		var notSent *mailer.NotSentError
		require.Error(t, err)
		require.False(t, errors.As(err, &notSent), "%v", err)
		require.ErrorContains(t, err, "the server has not answered")
		require.Len(t, s.received, 1)
	})
}
