package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/emersion/go-smtp"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/kafkaclient"
	"github.com/scalestack/scalestack/services/users/internal/kafkatest"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

const patience = time.Minute

// postbox is a mail server that counts the mails of each Message-ID. It knows no
// mailbox that is named closed, until it is opened.
type postbox struct {
	mu     sync.Mutex
	mails  map[string]int
	closed bool
}

func (p *postbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &letter{p}, nil }

type letter struct{ *postbox }

func (*letter) Mail(string, *smtp.MailOptions) error { return nil }
func (*letter) Reset()                               {}
func (*letter) Logout() error                        { return nil }

func (l *letter) Rcpt(to string, _ *smtp.RcptOptions) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed && strings.HasPrefix(to, "closed@") {
		return &smtp.SMTPError{Code: 550, Message: "no such mailbox"}
	}
	return nil
}

func (l *letter) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(content), "Message-ID: <")
	id, _, _ := strings.Cut(rest, "@")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mails[id]++
	return nil
}

func (p *postbox) count() (mails, copies int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.mails {
		mails, copies = mails+1, copies+n-1
	}
	return mails, copies
}

func (p *postbox) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = false
}

func startPostbox(t *testing.T) (p *postbox, address string) {
	t.Helper()
	p = &postbox{mails: map[string]int{}, closed: true}
	server := smtp.NewServer(p)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return p, listener.Addr().String()
}

// begin runs a command until the result is called; it must end without an error.
func begin(t *testing.T, args ...string) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		root := command()
		root.SetArgs(args)
		ended <- root.ExecuteContext(ctx)
	}()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%v: %v", args, err)
		}
	})
	t.Cleanup(end)
	return end
}

func setEnvironment(t *testing.T, kafka settings.Kafka, shards *pgtest.Shards, cache *miniredis.Miniredis, smtp string) {
	t.Helper()
	credentials := filepath.Join(t.TempDir(), "redis")
	pgtest.SetCredentials(t, credentials, "default", "cache-secret")
	cache.RequireAuth("cache-secret")
	for name, value := range map[string]string{
		"SCALESTACK_METRICS_LISTEN":    "127.0.0.1:0",
		"SCALESTACK_LOG_LEVEL":         "error",
		"SCALESTACK_SHARD_MAP":         shards.App.MapFile,
		"SCALESTACK_SHARD_CREDENTIALS": shards.App.Credentials,
		"SCALESTACK_REDIS_ADDRESS":     cache.Addr(),
		"SCALESTACK_REDIS_CREDENTIALS": credentials,
		"SCALESTACK_KAFKA_BOOTSTRAP":   kafka.Bootstrap[0],
		"SCALESTACK_KAFKA_CA":          kafka.CA,
		"SCALESTACK_KAFKA_USER":        kafka.User,
		"SCALESTACK_KAFKA_CREDENTIALS": kafka.Credentials,
		"SCALESTACK_SMTP_ADDRESS":      smtp,
		"SCALESTACK_SMTP_TLS":          "none",
	} {
		t.Setenv(name, value)
	}
}

// The commands on real servers: every user gets one mail and one count, and loses
// its place in the cache, also while workers come and go; what cannot be
// processed waits for a replay.
func TestWorkThatFollowsAUser(t *testing.T) {
	kafka := kafkatest.Start(t, 3, events.UserTopic, events.ProductTopic, "email_dlq", "analytics_dlq", "invalidate_dlq")
	shards, r := shardtest.Start(t, 2)
	// One environment for all programs.
	shards.App = shards.As("app", pgtest.AppPassword)
	cache := miniredis.RunT(t)
	box, address := startPostbox(t)
	setEnvironment(t, kafka, shards, cache, address)

	const people = 300
	store := users.NewStore(r, users.StoreOptions{Events: true})
	register := func(n int, email string) *users.User {
		t.Helper()
		user, _, err := store.Create(t.Context(), users.Profile{Name: fmt.Sprint("User ", n), Email: email}, "")
		require.NoError(t, err)
		return user
	}
	begin(t, "relay")
	begin(t, "invalidate")
	ends := []func(){begin(t, "email"), begin(t, "analytics")}
	var last *users.User
	for n := range people {
		last = register(n, "ada@example.com")
		if n%100 == 50 {
			ends = append(ends, begin(t, "email"), begin(t, "analytics"))
			ends[0]()
			ends[1]()
			ends = ends[2:]
		}
	}
	counted := func() (all int) {
		for id, server := range shards.Servers {
			all += server.Count(pgtest.Database(id), "SELECT coalesce(sum(count), 0)::int FROM activity WHERE type = 'UserCreated'")
		}
		return all
	}
	arrived := func(mails int) {
		t.Helper()
		require.Eventually(t, func() bool { n, _ := box.count(); return n >= mails && counted() >= mails }, patience, 50*time.Millisecond)
		n, copies := box.count()
		require.Equal(t, []int{mails, 0, mails}, []int{n, copies, counted()})
	}
	arrived(people)
	require.True(t, cache.Exists(fmt.Sprint("user_profile:", last.ID)), "the mark of an invalidation")

	t.Run("dead letters are replayed", func(t *testing.T) {
		register(people, "closed@example.com")
		register(people+1, "ada@example.com")
		require.Eventually(t, func() bool { n, _ := box.count(); return n == people+1 }, patience, 50*time.Millisecond)
		out, err := "", error(nil)
		require.Eventually(t, func() bool {
			out, err = execute(t, "replay", "--group", "email")
			return out != "0 succeeded, 0 failed again\n"
		}, patience, 50*time.Millisecond)
		require.EqualError(t, err, "1 dead letters failed again")
		require.Equal(t, "0 succeeded, 1 failed again\n", out)
		box.open()
		out, err = execute(t, "replay", "--group", "email")
		require.NoError(t, err)
		require.Equal(t, "1 succeeded, 0 failed again\n", out)
		arrived(people + 2)
	})
	t.Run("poison", func(t *testing.T) {
		client, err := kgo.NewClient(kafkaclient.Options(kafka, "test", slog.New(slog.DiscardHandler))...)
		require.NoError(t, err)
		defer client.Close()
		require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: events.UserTopic, Key: []byte("1"), Value: []byte("{")}).FirstErr())
		register(people+2, "ada@example.com")
		arrived(people + 3)
		for _, group := range []string{"email", "analytics", "invalidate"} {
			var out string
			require.Eventually(t, func() bool {
				out, _ = execute(t, "replay", "--group", group, "--limit", "1")
				return out == "0 succeeded, 1 failed again\n"
			}, patience, 50*time.Millisecond, "%s: %s", group, out)
		}
	})
}

func TestReplayWrongArguments(t *testing.T) {
	_, err := execute(t, "replay")
	require.EqualError(t, err, `required flag(s) "group" not set`)
	_, err = execute(t, "replay", "--group", "sms")
	require.EqualError(t, err, `--group: "sms" is not email, analytics or invalidate`)
	_, err = execute(t, "replay", "--group", "email", "--limit", "-1")
	require.EqualError(t, err, "--limit: -1 is not 0 or more")
	t.Setenv("SCALESTACK_CONCURRENCY", "0")
	_, err = execute(t, "replay", "--group", "email")
	require.EqualError(t, err, "settings: SCALESTACK_CONCURRENCY: 0 is not between 1 and 1000")
}

func TestWorkersRefuseWrongSettings(t *testing.T) {
	t.Setenv("SCALESTACK_KAFKA_CA", "ca.crt")
	for _, name := range []string{"relay", "email", "analytics", "invalidate"} {
		_, err := execute(t, name)
		require.EqualError(t, err, `settings: SCALESTACK_KAFKA_CA: "ca.crt" is not an absolute path`)
	}
}
