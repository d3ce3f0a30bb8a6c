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
	// The library's ...Format methods paste the name between quotes, so that a
	// name with a quote is no address. The address type quotes and encodes it.
	message.FromMailAddress(&netmail.Address{Name: s.fromName, Address: s.from})
	to, err := recipient(m)
	if err != nil {
		return nil, err
	}
	message.ToMailAddress(to)
	message.SetMessageIDWithValue(m.ID + "@" + s.fromDomain)
	message.SetDate()
	// Nobody's holiday answer is wanted.
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.Subject(m.Subject)
	message.SetBodyString(mail.TypeTextPlain, m.Text)
	return message, nil
}

// recipient refuses an address with which no server could do anything; an address
// that was stored before a rule got stricter may be one.
func recipient(m Mail) (*netmail.Address, error) {
	to, err := netmail.ParseAddress(m.To)
	if err != nil || to.Address != m.To {
		return nil, fmt.Errorf("the recipient: %q is not an address", m.To)
	}
	to.Name = m.Name
	return to, nil
}
