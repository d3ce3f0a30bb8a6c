package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"github.com/scalestack/scalestack/sharding/history"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// service is a user service in memory, with the faults that a test wants.
type service struct {
	mu    sync.Mutex
	users map[int64]history.Row
	// keys are those that users were registered with.
	keys  map[string]int64
	calls int
	// before runs with each request; if it answers, that is the answer.
	before func(s *service, w http.ResponseWriter, r *http.Request, user int64) (answered bool)
}

func newService(p history.Population) *service {
	s := &service{users: map[int64]history.Row{}, keys: map[string]int64{}}
	for user := p.First; p.Has(user); user++ {
		s.users[user] = history.Row{User: user, Shard: int(user % 2), Version: 1, Name: history.SeedName(user)}
	}
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	user, _ := strconv.ParseInt(strings.TrimPrefix(r.URL.Path, "/users/"), 10, 64)
	if s.before != nil && s.before(s, w, r, user) {
		return
	}
	row, found := s.users[user]
	switch {
	case r.Method == http.MethodPost:
		s.register(w, r)
		return
	case r.Method == http.MethodPut:
		row = s.apply(r, user)
	case !found:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	fmt.Fprintf(w, `{"version":%d,"name":%q}`, row.Version, row.Name)
}

func (s *service) apply(r *http.Request, user int64) history.Row {
	var body struct{ Name string }
	_ = json.NewDecoder(r.Body).Decode(&body)
	row := history.Row{User: user, Shard: int(user % 2), Version: s.users[user].Version + 1, Name: body.Name}
	s.users[user] = row
	return row
}

func (s *service) register(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Idempotency-Key")
	user, found := s.keys[key]
	if !found {
		user = int64(1000 + len(s.keys))
		s.keys[key] = user
		s.apply(r, user)
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"id":%d,"version":1}`, user)
}

func (s *service) rows() []history.Row {
	var rows []history.Row
	for user := int64(0); user < 100_000; user++ {
		if row, found := s.users[user]; found {
			rows = append(rows, row)
		}
	}
	return rows
}

// run lets clients work on the service for so many requests and compares.
func run(t *testing.T, s *service, o Options, requests int) (*history.History, Report) {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	population := history.Population{First: 100, Seeded: 50}
	o.History = history.New(population, nil)
	o.Target = Target{Base: server.URL, HTTP: server.Client()}
	o.Rate = 1e6
	clients := Start(t.Context(), o)
	require.Eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.calls >= requests }, 20*time.Second, time.Millisecond)
	report := clients.Stop()
	require.NoError(t, o.History.Compare(owners, sequence(s.rows())))
	return o.History, report
}

func TestAHealthyServicePasses(t *testing.T) {
	for name, o := range map[string]Options{"uniform": {}, "Zipf": {Zipf: 1.2}, "more clients than users": {Clients: 64}} {
		t.Run(name, func(t *testing.T) {
			h, report := run(t, newService(history.Population{First: 100, Seeded: 50}), o, 2000)
			require.NoError(t, h.Err())
			require.Zero(t, report.Failed, "%s", report)
			require.Zero(t, report.Repeated)
			require.GreaterOrEqual(t, report.Operations, 2000)
			require.Positive(t, report.Reads.Count)
			require.Positive(t, report.Writes.P99)
			require.GreaterOrEqual(t, report.Writes.Slowest, report.Writes.P50)
		})
	}
}

// While writes are held the clients go on reading.
func TestHeldWrites(t *testing.T) {
	s := newService(history.Population{First: 100, Seeded: 50})
	var held atomic.Bool
	var reads, late atomic.Int64
	s.before = func(_ *service, _ http.ResponseWriter, r *http.Request, _ int64) bool {
		switch {
		case held.Load() && r.Method == http.MethodPut:
			late.Add(1)
		case held.Load():
			reads.Add(1)
		}
		return false
	}
	server := httptest.NewServer(s)
	defer server.Close()
	clients := Start(t.Context(), Options{History: history.New(history.Population{First: 100, Seeded: 50}, nil),
		Target: Target{Base: server.URL, HTTP: server.Client()}, Rate: 1e6})
	clients.HoldWrites()
	held.Store(true)
	before := clients.Report().Writes.Count
	require.Eventually(t, func() bool { return reads.Load() > 100 }, 20*time.Second, time.Millisecond)
	require.Zero(t, late.Load())
	held.Store(false)
	clients.AllowWrites()
	require.Eventually(t, func() bool { return clients.Report().Writes.Count > before }, 20*time.Second, time.Millisecond)
	clients.Stop()
}

// A service whose answers get lost at random, before or after the work, is in
// order: the history knows that it does not know.
func TestUnknownOutcomesAreNoFindings(t *testing.T) {
	s := newService(history.Population{First: 100, Seeded: 50})
	random := rand.New(rand.NewPCG(1, 2))
	s.before = func(s *service, w http.ResponseWriter, r *http.Request, user int64) bool {
		switch random.IntN(10) {
		case 0:
			w.Header().Set("Retry-After", "0")
			http.Error(w, "shard-1 is unavailable", http.StatusServiceUnavailable)
			return true
		case 1:
			if r.Method == http.MethodPut && random.IntN(2) == 0 {
				s.apply(r, user)
			}
			http.Error(w, "shard-1 is unavailable; the change may have been made", http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	h, report := run(t, s, Options{}, 1000)
	require.NoError(t, h.Err())
	require.Zero(t, report.Failed, "%s", report)
	require.Positive(t, report.Repeated)
	require.Positive(t, report.Unknown)
}

func TestFaultsOfAServiceAreFound(t *testing.T) {
	tests := map[string]struct {
		before func(s *service, w http.ResponseWriter, r *http.Request, user int64) bool
		kind   history.Kind
	}{
		"acknowledges without writing": {func(s *service, w http.ResponseWriter, r *http.Request, user int64) bool {
			if r.Method == http.MethodPut && s.calls%50 == 0 {
				fmt.Fprintf(w, `{"version":%d}`, s.users[user].Version+1)
				return true
			}
			return false
		}, history.LostWrite},
		"writes twice": {func(s *service, _ http.ResponseWriter, r *http.Request, user int64) bool {
			if row, found := s.users[user]; found && r.Method == http.MethodPut && s.calls%50 == 0 {
				row.Version++
				s.users[user] = row
			}
			return false
		}, history.Invented},
		"serves what was before": {func(s *service, w http.ResponseWriter, r *http.Request, user int64) bool {
			if row := s.users[user]; r.Method == http.MethodGet && row.Version > 1 && s.calls%50 == 0 {
				fmt.Fprintf(w, `{"version":%d,"name":"old"}`, row.Version-1)
				return true
			}
			return false
		}, history.TimeTravel},
		"moves rows and forgets them": {func(s *service, _ http.ResponseWriter, _ *http.Request, user int64) bool {
			if s.calls%50 == 0 {
				delete(s.users, user)
			}
			return false
		}, history.LostWrite},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newService(history.Population{First: 100, Seeded: 50})
			s.before = test.before
			h, _ := run(t, s, Options{Writes: 0.6}, 3000)
			require.ErrorContains(t, h.Err(), string(test.kind))
		})
	}
}

// Where Redis could not be told of a write of unknown outcome, the cache serves
// what was before until the event comes. Nobody who asks meanwhile sees two
// versions, so only the databases show it.
func TestAnOldCacheIsFoundInTheEnd(t *testing.T) {
	population := history.Population{First: 100, Seeded: 4}
	s := newService(population)
	h := history.New(population, nil)
	write := h.Write(101, "b")
	write.Unknown()
	write.GivenUp()
	s.users[101] = history.Row{User: 101, Shard: 1, Version: 2, Name: "b"}
	require.NoError(t, h.Compare(owners, sequence(s.rows())))
	s.users[101] = history.Row{User: 101, Shard: 1, Version: 1, Name: history.SeedName(101)}
	server := httptest.NewServer(s)
	defer server.Close()
	require.Equal(t, 1, ReadAll(Target{Base: server.URL, HTTP: server.Client()}, h).Operations)
	requireKinds(t, h, []history.Kind{history.TimeTravel}, "user 101: read version 1 after version 2 was known")
}

func TestFailuresAreReported(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		want   string
	}{
		"repeated until the patience ends": {http.StatusServiceUnavailable, "after 2 attempts: status 503: not now"},
		"not repeated":                     {http.StatusMethodNotAllowed, "after 1 attempts: status 405: not now"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(history.Population{First: 100, Seeded: 50})
			s.before = func(_ *service, w http.ResponseWriter, _ *http.Request, user int64) bool {
				if user%10 != 3 {
					return false
				}
				http.Error(w, "not now", test.status)
				return true
			}
			h, report := run(t, s, Options{Patience: 50 * time.Millisecond}, 500)
			require.NoError(t, h.Err(), "a write that was refused is not lost")
			require.Positive(t, report.Failed)
			require.LessOrEqual(t, len(report.Errors), shown)
			require.Contains(t, report.String(), test.want)
		})
	}
}

func TestRegistrationsAreMadeOnceEach(t *testing.T) {
	s := newService(history.Population{})
	random := rand.New(rand.NewPCG(1, 2))
	s.before = func(s *service, _ http.ResponseWriter, r *http.Request, _ int64) bool {
		switch random.IntN(10) {
		case 0:
			s.register(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case 1:
			panic(http.ErrAbortHandler)
		}
		return false
	}
	server := httptest.NewServer(s)
	defer server.Close()
	users, report := Register(t.Context(), RegisterOptions{
		Target: Target{Base: server.URL, HTTP: server.Client()}, Run: "run", Count: 200, Rate: 1e6,
	}).Wait()
	require.Zero(t, report.Failed, "%s", report)
	require.Positive(t, report.Unknown)
	require.Len(t, users, 200)
	require.Len(t, s.users, 200)
	seen := map[int64]bool{}
	for _, one := range users {
		require.False(t, seen[one.User], "user %d registered twice", one.User)
		seen[one.User] = true
	}
}

func TestEffectOfAnAttemptToWrite(t *testing.T) {
	dial := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for name, test := range map[string]struct {
		reply reply
		err   error
		want  effect
	}{
		"acknowledged":      {reply{status: 200}, nil, done},
		"created":           {reply{status: 201}, nil, done},
		"refused":           {reply{status: 422}, nil, none},
		"never sent":        {reply{status: 503, detail: "shard-1 is unavailable"}, nil, none},
		"in doubt":          {reply{status: 503, detail: "shard-1 is unavailable; the change may have been made"}, nil, unknown},
		"broken service":    {reply{status: 500}, nil, unknown},
		"broken gateway":    {reply{status: 502}, nil, unknown},
		"no connection":     {reply{}, fmt.Errorf("put: %w", dial), none},
		"connection lost":   {reply{}, io.ErrUnexpectedEOF, unknown},
		"no answer in time": {reply{}, &net.OpError{Op: "read", Err: errors.New("i/o timeout")}, unknown},
	} {
		require.Equal(t, test.want, written(test.reply, test.err), name)
	}
}
