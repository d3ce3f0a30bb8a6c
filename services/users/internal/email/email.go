// Package email sends each new user one mail, unless the user has been deleted by then.
//
// Before a mail is sent, the user's shard records that it is about to be sent; after
// the server accepts it, that it was. Only if this process dies between the two, or the
// server's answer is lost, is the outcome unknown. The mail is then sent again after a
// while, with the same Message-ID. If a shard dies in between, that makes no
// difference: the process knows, and records it later.
package email

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/mailer"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/sharding/router"
)

// Lease is how long a mail that others are about to send is theirs: longer than
// it takes, so that two never send it at the same time.
const Lease = mailer.MaxTime + 5*time.Second

// timeout is for what is said to the shard after the mail server has answered.
const timeout = 4 * time.Second

const (
	// claim takes an event that nobody has done and nobody else is at, if its user has
	// not gone since: an event may be late, or come again from the dead letters, and who
	// went and came back has another event. The last part may not see what happened
	// while the second waited, and then says busy.
	claim = `
		WITH there AS (
			SELECT FROM users WHERE user_id = $1 AND deleted_at IS NULL AND first_version = $6
		), mine AS (
			INSERT INTO inbox AS i (user_id, consumer, event_id, done, claimed_by) SELECT $1, $2, $3, false, $4 FROM there
			ON CONFLICT (user_id, consumer, event_id) DO UPDATE SET claimed_by = excluded.claimed_by, changed_at = now()
			WHERE NOT i.done AND (i.claimed_by = excluded.claimed_by OR i.changed_at < now() - $5::interval)
			RETURNING true)
		SELECT EXISTS (SELECT FROM there), EXISTS (SELECT FROM mine),
			EXISTS (SELECT FROM inbox WHERE user_id = $1 AND consumer = $2 AND event_id = $3 AND done)`
	finish = `
		INSERT INTO inbox (user_id, consumer, event_id) VALUES ($1, $2, $3)
		ON CONFLICT (user_id, consumer, event_id) DO UPDATE SET done = true, claimed_by = NULL, changed_at = now()`
	release = `
		DELETE FROM inbox WHERE user_id = $1 AND consumer = $2 AND event_id = $3 AND claimed_by = $4`
)

// ErrBusy says that another process is about to send the mail, or was when it died.
var ErrBusy = errors.New("another process is at it")

// Sender is the handler of the group email.
type Sender struct {
	router *router.Router
	mailer mailer.Mailer
	// self tells our claims from those of others.
	self uuid.UUID
	// sent are the events whose mail was sent and not yet noted, unanswered those of which
	// the mail server has not said whether it has the mail.
	sent, unanswered sync.Map
}

// New returns a Sender.
func New(r *router.Router, m mailer.Mailer) *Sender {
	return &Sender{router: r, mailer: m, self: uuid.New()}
}

// Handle is a consumer.Handler.
func (s *Sender) Handle(ctx context.Context, e *events.Event) (consumer.Outcome, error) {
	if e.Type != events.UserCreated {
		return consumer.Skipped, nil
	}
	user, err := e.User()
	if err != nil {
		return "", err
	}
	if user.Email == events.ErasedEmail {
		return consumer.Skipped, nil
	}
	if _, sent := s.sent.Load(e.ID); sent {
		return consumer.Done, s.note(ctx, e)
	}
	there, mine, done, err := s.claim(ctx, e, user.Version)
	switch {
	case err != nil:
		return "", err
	case done:
		return consumer.Duplicate, nil
	case !there:
		return consumer.Skipped, nil
	case !mine:
		return "", ErrBusy
	}
	if err := s.mailer.Send(ctx, welcome(e.ID, user)); err != nil {
		return "", s.failed(ctx, e, err)
	}
	s.unanswered.Delete(e.ID)
	s.sent.Store(e.ID, nil)
	return consumer.Done, s.note(ctx, e)
}

func (s *Sender) note(ctx context.Context, e *events.Event) error {
	if err := s.exec(ctx, e, finish); err != nil {
		return &consumer.DoneError{Err: err}
	}
	s.sent.Delete(e.ID)
	return nil
}

// claim reports whether the user that came with the version is there, whether the mail is
// ours to send, and whether it was sent.
func (s *Sender) claim(ctx context.Context, e *events.Event, version int64) (there, mine, done bool, err error) {
	_, err = s.router.Write(ctx, e.UserID, func(ctx context.Context, w *router.Writer) error {
		return w.QueryRow(ctx, claim, e.UserID, settings.EmailGroup, e.ID, s.self, Lease, version).Scan(&there, &mine, &done)
	})
	return there, mine, done, err
}

// failed gives the claim back when the mail was certainly not sent. Otherwise it
// stays ours, and we may send again at once. But only once: a server that takes mails and is
// slow to say so would deliver every attempt.
func (s *Sender) failed(ctx context.Context, e *events.Event, cause error) error {
	var notSent *mailer.NotSentError
	if !errors.As(cause, &notSent) {
		if _, again := s.unanswered.LoadOrStore(e.ID, nil); again {
			s.unanswered.Delete(e.ID)
			return &consumer.PermanentError{Reason: "unanswered", Err: cause}
		}
		return cause
	}
	if err := s.exec(ctx, e, release, s.self); err != nil {
		cause = fmt.Errorf("%w; and the claim stays: %w", cause, err)
	}
	if notSent.Refused {
		return &consumer.PermanentError{Reason: "refused", Err: cause}
	}
	return cause
}

// exec has its own time: what the mail server said must not be forgotten.
func (s *Sender) exec(ctx context.Context, e *events.Event, statement string, more ...any) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	_, err := s.router.Write(ctx, e.UserID, func(ctx context.Context, w *router.Writer) error {
		_, err := w.Exec(ctx, statement, append([]any{e.UserID, settings.EmailGroup, e.ID}, more...)...)
		return err
	})
	return err
}

func welcome(id uuid.UUID, user events.User) mailer.Mail {
	return mailer.Mail{
		ID: id.String(), Name: user.Name, To: user.Email, Subject: "Welcome, " + user.Name,
		Text: fmt.Sprintf("Hello %s,\n\nyour account is ready. Its number is %d.\n", user.Name, user.UserID),
	}
}
