// Package mailer hands mails to a mail server. The client is go-mail: it is well
// maintained and reports at which command a mail failed, which decides whether it may
// have been sent.
package mailer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/sharding/credentials"
	"github.com/wneessen/go-mail"
)

// Mail is a text to one person.
type Mail struct {
	// ID becomes the Message-ID with the sender's domain. The same mail must have
	// the same id each time, so that whoever gets it twice can tell.
	ID       string
	Name, To string
	Subject  string
	Text     string
}

// Mailer sends mails. An error is a *NotSentError or says that the mail may have
// been sent.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// NotSentError says that the mail was certainly not sent.
type NotSentError struct {
	// Refused says that the server will never take this mail.
	Refused bool
	Err     error
}

func (e *NotSentError) Error() string { return "not sent: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *NotSentError) Unwrap() error { return e.Err }

// MaxTime bounds a call of Send: half of it for the connection and half for the
// mail itself.
const MaxTime = 10 * time.Second

// SMTP is a Mailer on a server. Each mail has its own connection, so that none
// depends on the state that another has left.
type SMTP struct {
	settings   settings.Mail
	host       string
	port       int
	from       string
	fromName   string
	fromDomain string
}

// NewSMTP returns a Mailer; it connects to nothing.
func NewSMTP(s settings.Mail) (*SMTP, error) {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	m := &SMTP{settings: s, host: host, port: number}
	return m, m.parseFrom()
}

// Send hands over one mail.
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	message, err := s.message(m)
	if err != nil {
		return &NotSentError{Refused: true, Err: err}
	}
	options, err := s.options()
	if err != nil {
		return &NotSentError{Err: err}
	}
	client, err := mail.NewClient(s.host, options...)
	if err != nil {
		return &NotSentError{Err: err}
	}
	if err := client.DialWithContext(ctx); err != nil {
		return &NotSentError{Err: fmt.Errorf("connecting: %w", err)}
	}
	// The mail's fate is known before the goodbye.
	defer func() { _ = client.Close() }()
	if err := client.Send(message); err != nil && !message.IsDelivered() {
		return classify(err)
	}
	return nil
}

// classify leaves those errors as they are after which the server may have the
// mail: the connection ended between the last byte and the answer.
func classify(err error) error {
	var failure *mail.SendError
	if !errors.As(err, &failure) {
		return err
	}
	answered := failure.ErrorCode() != 0
	final := answered && failure.ErrorCode()/100 == 5
	switch failure.Reason {
	case mail.ErrSMTPDataClose:
		if !answered {
			return fmt.Errorf("the server has not answered: %w", err)
		}
		return &NotSentError{Refused: final, Err: err}
	case mail.ErrSMTPRcptTo, mail.ErrSMTPData:
		return &NotSentError{Refused: final, Err: err}
	}
	// Whatever else the server refuses, it refuses for all mails.
	return &NotSentError{Err: err}
}

func (s *SMTP) options() ([]mail.Option, error) {
	options := []mail.Option{mail.WithPort(s.port), mail.WithTimeout(MaxTime / 2), mail.WithoutNoop(), mail.WithoutRset(),
		mail.WithTLSConfig(&tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12})}
	switch s.settings.TLS {
	case "tls":
		options = append(options, mail.WithSSL())
	case "starttls":
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	default:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if s.settings.Credentials == "" {
		return options, nil
	}
	user, password, err := credentials.Read(s.settings.Credentials)
	return append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(user), mail.WithPassword(password)), err
}
