package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/mailer"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/bench"
	"github.com/stretchr/testify/require"
)

const (
	// providerDelay is what a mail provider over the internet takes.
	providerDelay = 200 * time.Millisecond
	// patience bounds the wait for what follows a turn.
	patience = time.Minute

	bareInsert = `INSERT INTO bare_users (user_id, name, email) VALUES ((random() * 9e15)::bigint, 'Ada', 'ada@example.com')`
	profile    = `{"name":"Ada","email":"ada@example.com"}`
)

// TestRegistration compares a registration that does everything in the call
// with one that leaves all but the user to events, and then measures how long
// after the registration each consumer has done its work.
func TestRegistration(t *testing.T) {
	operations, really := measuring(t, 5)
	plan, steady, delay := bench.Plan{Rounds: 2, Operations: operations, Clients: 4}, pace{count: 20, every: 10 * time.Millisecond}, providerDelay/10
	if really {
		plan.Rounds, steady, delay = 12, pace{count: 12 * operations, every: 50 * time.Millisecond}, providerDelay
		machine(t)
	}
	r := startRegistrations(t, delay)
	for _, clients := range []int{1, plan.Clients} {
		r.compareWrites(bench.Plan{Rounds: plan.Rounds, Operations: 10 * plan.Operations, Clients: clients})
	}
	r.startWorkers(r.provider)
	results, err := bench.Alternate(t.Context(), plan, r.sides()...)
	require.NoError(t, err)
	publishTwice(t, fmt.Sprintf("registration, a provider that takes %s per mail: %d at once, %d rounds of %d operations",
		delay, plan.Clients, plan.Rounds, plan.Operations), results)
	r.requireSameWork()
	require.Less(t, slices.Min(results[2].All()), delay, "the answer does not wait for the mail")
	require.Greater(t, slices.Min(results[3].All()), delay)
	publish(t, r.delays(steady))
}

// compareWrites measures what is stored before the answer while nobody works on
// the events, and takes them away. Clients at once wait for each other's use of
// the server's CPU, too; a single one does not.
func (r *registrations) compareWrites(p bench.Plan) {
	r.t.Helper()
	r.exec("SELECT pg_stat_statements_reset()")
	results, err := bench.Alternate(r.t.Context(), p, r.writes()...)
	require.NoError(r.t, err)
	publishTwice(r.t, fmt.Sprintf("the write alone: %d at once, %d rounds of %d operations", p.Clients, p.Rounds, p.Operations), results,
		fmt.Sprintf("in the server, without the commit: %s bare, %s with the fence, %s with fence and event",
			r.execution("INSERT INTO bare_users%"), r.execution("INSERT INTO users%"), r.execution("WITH stored AS%INSERT INTO users%")))
	r.exec("SELECT scalestack.sweep(); TRUNCATE users, outbox, outbox_spare")
	clear(r.followed)
}

// publishTwice compares with the bare write, and then requests with requests.
func publishTwice(t *testing.T, title string, results []bench.Result, notes ...string) {
	t.Helper()
	publish(t, bench.Compare(title, results, notes...))
	publish(t, bench.Compare("the same, beside the request that only stores the user", results[1:]))
}

// execution returns the mean time that the server took for a statement.
func (r *registrations) execution(like string) time.Duration {
	r.t.Helper()
	return bench.Round(time.Duration(r.count(`
		SELECT (sum(total_exec_time) / sum(calls) * 1e6)::int FROM pg_stat_statements WHERE userid = 'svc_users_a'::regrole AND ltrim(query, E' \n\t') LIKE $1`, like)))
}

// registrations are the ways to register a user.
type registrations struct {
	*lab
	provider *provider
	marks    *marks
	http     *http.Client
	// These are the addresses of the service, of one that only stores users, and
	// of one that does everything in the call.
	service, storing, inCall string

	mu sync.Mutex
	// followed and waited are the users whose work follows by events, or was
	// done when the answer came, with the time of the registration.
	followed, waited map[int64]time.Time
}

func startRegistrations(t *testing.T, delay time.Duration) *registrations {
	t.Helper()
	l := startLab(t, 0)
	l.exec("CREATE TABLE bare_users (LIKE users INCLUDING ALL)")
	l.exec("GRANT INSERT ON bare_users TO PUBLIC")
	// In the call, the service does the work of analytics too.
	l.exec("GRANT SELECT, INSERT, UPDATE ON activity TO PUBLIC")
	r := &registrations{lab: l, provider: startProvider(t, delay), marks: l.watchMarks(), http: newClient(t),
		followed: map[int64]time.Time{}, waited: map[int64]time.Time{}}
	i := l.instance()
	r.service = l.serve(i.service)
	r.storing = l.serve(storing{i.service, i})
	smtp, err := mailer.NewSMTP(settings.Mail{Address: r.provider.address, From: "Shop <shop@example.com>", TLS: "none"})
	require.NoError(t, err)
	r.inCall = l.serve(inCall{storing{i.service, i}, smtp})
	return r
}

// writes are ways to store a user.
func (r *registrations) writes() []bench.Side {
	return []bench.Side{
		{Name: "bare INSERT", Do: func(ctx context.Context, _ int) error {
			_, err := r.bare.Exec(ctx, bareInsert)
			return err
		}},
		{Name: "POST that only stores", Do: func(ctx context.Context, _ int) error { return r.post(ctx, r.storing, nil) }},
		{Name: "POST /users, the work follows", Do: r.register},
	}
}

// sides are those and the way without events. What a turn has caused ends with
// it, so that the next one does not pay for it.
func (r *registrations) sides() []bench.Side {
	sides := append(r.writes(), bench.Side{Name: "POST, the work in the call",
		Do: func(ctx context.Context, _ int) error { return r.post(ctx, r.inCall, r.waited) }})
	sides[2].Finish, sides[3].Finish = r.settle, r.settle
	return sides
}

func (r *registrations) register(ctx context.Context, _ int) error {
	return r.post(ctx, r.service, r.followed)
}

func (r *registrations) post(ctx context.Context, url string, into map[int64]time.Time) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/users", strings.NewReader(profile))
	if err != nil {
		return err
	}
	response, err := r.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("unexpected answer %s", response.Status)
	}
	var user users.User
	if err := json.NewDecoder(response.Body).Decode(&user); err != nil {
		return err
	}
	if into != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		into[user.ID] = user.CreatedAt
	}
	return nil
}

// settle waits until all that was registered has had its effects.
func (r *registrations) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		have, want := r.effects(), r.registered()
		if have.mails == want && have.counted == want && have.marks == want {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("of %d registrations %d have a mail, %d are counted, %d are invalidated", want, have.mails, have.counted, have.marks)
		}
	}
}

func (r *registrations) registered() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.followed) + len(r.waited)
}

// effects are how many registrations have had each effect.
type effects struct{ mails, counted, marks int }

func (r *registrations) effects() effects {
	return effects{
		mails:   r.provider.count(),
		counted: r.count("SELECT count(*) FROM activity WHERE type = 'UserCreated' AND count = 1"),
		marks:   r.marks.count(),
	}
}

// requireSameWork makes sure that both ways have done everything once.
func (r *registrations) requireSameWork() {
	r.t.Helper()
	want := r.registered()
	require.Equal(r.t, effects{want, want, want}, r.effects())
	require.Zero(r.t, r.provider.copies)
	require.Zero(r.t, r.count("SELECT count(*) FROM outbox_all"))
}
