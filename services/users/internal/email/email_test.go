package email_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/email"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/mailer"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/pgtest"
	engine "github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

// outbound is a mailer that keeps what it is given, or answers what it is told to.
type outbound struct {
	mu   sync.Mutex
	sent []mailer.Mail
	do   func() error
}

func (o *outbound) Send(_ context.Context, m mailer.Mail) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, m)
	if o.do != nil {
		return o.do()
	}
	return nil
}

func created(user int64) *events.Event {
	return &events.Event{ID: uuid.New(), Type: events.UserCreated, UserID: user, Schema: events.UserSchema, Time: time.Now(),
		Data: fmt.Appendf(nil, `{"user_id": %d, "version": 1, "name": "Ada", "email": "ada@example.com"}`, user)}
}

// register makes users that created is about.
func register(shards *pgtest.Shards, ids ...int64) {
	for _, id := range ids {
		shards.Servers[0].Exec(pgtest.Database(0), "INSERT INTO users (user_id, name, email) VALUES ($1, 'Ada', 'ada@example.com')", id)
	}
}

func TestOneMailForEachNewUser(t *testing.T) {
	shards, r := shardtest.StartAs(t, "email", 1)
	register(shards, 7)
	out := &outbound{}
	one, other := email.New(r, out), email.New(r, out)
	handle := func(s *email.Sender, e *events.Event, want consumer.Outcome) {
		t.Helper()
		outcome, err := s.Handle(t.Context(), e)
		require.NoError(t, err)
		require.Equal(t, want, outcome)
	}
	e := created(7)
	handle(one, e, consumer.Done)
	handle(one, e, consumer.Duplicate)
	handle(other, e, consumer.Duplicate)
	updated := created(7)
	updated.Type = events.UserUpdated
	handle(one, updated, consumer.Skipped)
	require.Equal(t, []mailer.Mail{{ID: e.ID.String(), Name: "Ada", To: "ada@example.com", Subject: "Welcome, Ada",
		Text: "Hello Ada,\n\nyour account is ready. Its number is 7.\n"}}, out.sent)
	require.Equal(t, 1, shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM inbox WHERE done AND claimed_by IS NULL"))
}

func TestFailures(t *testing.T) {
	shards, r := shardtest.StartAs(t, "email", 1)
	register(shards, 1, 2, 3)
	claims := func() int { return shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM inbox") }
	out := &outbound{}
	one, other := email.New(r, out), email.New(r, out)

	t.Run("certainly not sent", func(t *testing.T) {
		out.do = func() error { return &mailer.NotSentError{Err: errors.New("connection refused")} }
		e := created(1)
		_, err := one.Handle(t.Context(), e)
		require.EqualError(t, err, "not sent: connection refused")
		require.Zero(t, claims())
		out.do = nil
		outcome, err := other.Handle(t.Context(), e)
		require.NoError(t, err)
		require.Equal(t, consumer.Done, outcome, "another may send it at once")
	})
	t.Run("refused", func(t *testing.T) {
		out.do = func() error { return &mailer.NotSentError{Refused: true, Err: errors.New("550 no such mailbox")} }
		_, err := one.Handle(t.Context(), created(2))
		var permanent *consumer.PermanentError
		require.ErrorAs(t, err, &permanent)
		require.Equal(t, "refused", permanent.Reason)
		require.Equal(t, 1, claims())
	})
	t.Run("unknown", func(t *testing.T) {
		out.do = func() error { return errors.New("the server has not answered") }
		e := created(3)
		_, err := one.Handle(t.Context(), e)
		require.EqualError(t, err, "the server has not answered")
		out.do, out.sent = nil, nil
		_, err = other.Handle(t.Context(), e)
		require.ErrorIs(t, err, email.ErrBusy, "the one who tried may still be at it")
		require.Empty(t, out.sent)
		// Its process has died, and the lease has ended.
		shards.Servers[0].Exec(pgtest.Database(0), "UPDATE inbox SET changed_at = changed_at - $1::interval WHERE NOT done", email.Lease)
		outcome, err := other.Handle(t.Context(), e)
		require.NoError(t, err)
		require.Equal(t, consumer.Done, outcome)
		require.Equal(t, e.ID.String(), out.sent[0].ID, "the same Message-ID, so that the receiver can tell")
		outcome, err = one.Handle(t.Context(), e)
		require.NoError(t, err)
		require.Equal(t, consumer.Duplicate, outcome)
	})
}

func TestTwoAtOnceSendOne(t *testing.T) {
	shards, r := shardtest.StartAs(t, "email", 1)
	register(shards, 1)
	out := &outbound{do: func() error { time.Sleep(time.Millisecond); return nil }}
	var all sync.WaitGroup
	e := created(1)
	for range 8 {
		all.Go(func() {
			if outcome, err := email.New(r, out).Handle(context.Background(), e); err != nil && !errors.Is(err, email.ErrBusy) {
				t.Errorf("%s, %v", outcome, err)
			}
		})
	}
	all.Wait()
	require.Len(t, out.sent, 1)
}

// The shard dies after the mail server took the mail. Who sent it knows, and notes
// it when the shard is back; if that process dies too, another sends it again.
func TestAShardThatDiesAfterTheMail(t *testing.T) {
	shards, r := shardtest.StartAs(t, "email", 1)
	register(shards, 1)
	out := &outbound{}
	out.do = func() error { shards.Servers[0].Kill(); return nil }
	sender := email.New(r, out)
	e := created(1)
	_, err := sender.Handle(t.Context(), e)
	require.ErrorContains(t, err, "shard-0: unavailable")
	var done *consumer.DoneError
	require.ErrorAs(t, err, &done)
	shards.Servers[0].Run()
	out.do = nil

	shards.Servers[0].Exec(pgtest.Database(0), "CREATE TABLE kept AS SELECT * FROM inbox")
	soon := func(s *email.Sender, want consumer.Outcome) {
		t.Helper()
		require.Eventually(t, func() bool {
			outcome, err := s.Handle(context.Background(), e)
			return err == nil && outcome == want
		}, 20*time.Second, 50*time.Millisecond)
	}
	soon(sender, consumer.Done)
	soon(sender, consumer.Duplicate)
	require.Len(t, out.sent, 1)

	shards.Servers[0].Exec(pgtest.Database(0), "UPDATE inbox SET done = false, claimed_by = kept.claimed_by, changed_at = now() - $1::interval FROM kept", email.Lease)
	soon(email.New(r, out), consumer.Done)
	require.Len(t, out.sent, 2)
	require.Equal(t, out.sent[0], out.sent[1])
}

// A mail server that is slow to say what became of a mail, as one that looks for viruses
// first, delivers it each time.
func TestAServerThatDoesNotAnswerGetsAMailTwice(t *testing.T) {
	shards, r := shardtest.StartAs(t, "email", 1)
	register(shards, 1)
	out := &outbound{do: func() error { return errors.New("the server has not answered") }}
	sender := email.New(r, out)
	e := created(1)
	_, err := sender.Handle(t.Context(), e)
	var permanent *consumer.PermanentError
	require.NotErrorAs(t, err, &permanent)
	_, err = sender.Handle(t.Context(), e)
	require.ErrorAs(t, err, &permanent)
	require.Equal(t, "unanswered", permanent.Reason)
	require.Len(t, out.sent, 2)
}

func TestNoMailForAUserThatWasErased(t *testing.T) {
	e := &events.Event{Type: events.UserCreated, UserID: 1, Schema: events.UserSchema,
		Data: []byte(`{"user_id": 1, "version": 1, "name": "` + events.Erased + `", "email": "` + events.ErasedEmail + `"}`)}
	// Neither a shard nor a mail server is asked.
	outcome, err := email.New(nil, nil).Handle(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, consumer.Skipped, outcome)
}

// An event may be late, as when the group stood still, or come again from the dead
// letters, when its user has gone, or has gone and come back.
func TestNoMailToADeletedUser(t *testing.T) {
	shards, r := shardtest.Start(t, 1)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	put := func() *events.Event {
		t.Helper()
		_, _, err := store.Put(t.Context(), 7, users.Profile{Name: "Ada", Email: "ada@example.com"})
		require.NoError(t, err)
		list := publish(t, shards)
		return list[len(list)-1]
	}
	first := put()
	shards.App = shardtest.As(shards, "email")
	out := &outbound{}
	sender := email.New(engine.Router(t, shards), out)
	handle := func(e *events.Event, want consumer.Outcome, mails int) {
		t.Helper()
		outcome, err := sender.Handle(t.Context(), e)
		require.NoError(t, err)
		require.Equal(t, want, outcome)
		require.Len(t, out.sent, mails)
	}
	out.do = func() error { return &mailer.NotSentError{Refused: true, Err: errors.New("550 no such mailbox")} }
	_, err := sender.Handle(t.Context(), first)
	require.ErrorContains(t, err, "no such mailbox")
	out.do, out.sent = nil, nil

	_, _, err = store.Delete(t.Context(), 7)
	require.NoError(t, err)
	handle(first, consumer.Skipped, 0)
	second := put()
	handle(first, consumer.Skipped, 0)
	handle(second, consumer.Done, 1)
	put()
	handle(second, consumer.Duplicate, 1)
	handle(created(8), consumer.Skipped, 1)
	require.Equal(t, 1, shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM inbox"))
}
