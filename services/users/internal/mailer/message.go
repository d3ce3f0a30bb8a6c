package mailer

import (
	"fmt"
	netmail "net/mail"
	"strings"

	"github.com/wneessen/go-mail"
)

func (s *SMTP) parseFrom() error {
	from, err := netmail.ParseAddress(s.settings.From)
	if err != nil {
		return fmt.Errorf("the sender %q: %w", s.settings.From, err)
	}
	s.from, s.fromName = from.Address, from.Name
	s.fromDomain = from.Address[strings.LastIndexByte(from.Address, '@')+1:]
	return nil
}

func (s *SMTP) message(m Mail) (*mail.Msg, error) {
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := message.FromFormat(s.fromName, s.from); err != nil {
		return nil, fmt.Errorf("the sender: %w", err)
	}
	if err := message.AddToFormat(m.Name, m.To); err != nil {
		return nil, fmt.Errorf("the recipient: %w", err)
	}
	message.SetMessageIDWithValue(m.ID + "@" + s.fromDomain)
	message.SetDate()
	// Nobody's holiday answer is wanted.
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.Subject(m.Subject)
	message.SetBodyString(mail.TypeTextPlain, m.Text)
	return message, nil
}
