package mail

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"slices"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	maxMessage    = 1 << 20
	maxRecipients = 50
	// idle is as long as a sender may keep a connection for its next mail.
	idle = 5 * time.Minute
)

// Sink takes mails from any sender to any address.
type Sink struct {
	Store *Store
	// delay is in nanoseconds.
	delay atomic.Int64
}

// SetDelay makes every reply to a mail that much later. Mails on different connections do not wait for each other.
func (s *Sink) SetDelay(d time.Duration) { s.delay.Store(int64(d)) }

// SMTP is the server of the sink.
func (s *Sink) SMTP(address string) *smtp.Server {
	server := smtp.NewServer(s)
	server.Addr, server.Domain = address, "mail.lab"
	server.MaxMessageBytes, server.MaxRecipients = maxMessage, maxRecipients
	server.ReadTimeout, server.WriteTimeout = idle, idle
	return server
}

// NewSession makes the Sink a backend of the SMTP library.
func (s *Sink) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{sink: s}, nil }

// session is one connection's mail under way.
type session struct {
	sink *Sink
	from string
	to   []string
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(body io.Reader) error {
	m, err := s.read(body)
	if err != nil {
		return refused(err)
	}
	if err := s.sink.Store.Add(m); err != nil {
		return err
	}
	time.Sleep(time.Duration(s.sink.delay.Load()))
	return nil
}

func (s *session) read(body io.Reader) (Message, error) {
	parsed, err := mail.ReadMessage(body)
	if err != nil {
		return Message{}, err
	}
	if _, err := io.Copy(io.Discard, parsed.Body); err != nil {
		return Message{}, err
	}
	m := Message{ID: parsed.Header.Get("Message-ID"), From: s.from, To: slices.Clone(s.to), At: time.Now().UTC()}
	if m.ID == "" {
		return Message{}, errors.New("a mail without Message-ID cannot be told from another")
	}
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil {
		return Message{}, fmt.Errorf("subject: %w", err)
	}
	return m, nil
}

// refused is a reply that tells the sender not to try again. The library has one of its own for a mail that is too
// large.
func refused(err error) error {
	var reply *smtp.SMTPError
	if errors.As(err, &reply) {
		return reply
	}
	return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: err.Error()}
}
