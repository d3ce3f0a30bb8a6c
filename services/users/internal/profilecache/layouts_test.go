package profilecache_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/scalestack/scalestack/services/users/internal/profilecache"
	"github.com/scalestack/scalestack/services/users/internal/redistest"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/stretchr/testify/require"
)

// fleet are real servers, and what their clients take for the database.
type fleet struct {
	t         *testing.T
	settings  settings.Redis
	addresses []string
	admins    []*redis.Client
	rows      [64]row
}

type row struct {
	mu sync.Mutex
	// stored is the version in the database, acknowledged the last one that a writer has
	// been told of.
	stored, acknowledged atomic.Int64
}

func newFleet(t *testing.T, servers int) *fleet {
	t.Helper()
	f := &fleet{t: t}
	for range servers {
		s := redistest.Start(t)
		s.Credentials = cmp.Or(f.settings.Credentials, s.Credentials)
		f.settings = s
		f.addresses = append(f.addresses, s.Address)
		f.admins = append(f.admins, redistest.Client(t, s))
	}
	return f
}

// layout is a step of a change: how many servers keep the entries, and of another layout, 0
// for none.
type layout struct{ nodes, also int }

func (l layout) String() string { return fmt.Sprintf("%d, also %d", l.nodes, l.also) }

func (f *fleet) pod(l layout) *profilecache.Cache {
	s := f.settings
	s.Address = strings.Join(f.addresses[:l.nodes], ",")
	if l.also > 0 {
		s.Address += ";" + strings.Join(f.addresses[:l.also], ",")
	}
	log := slog.New(slog.DiscardHandler)
	servers := profilecache.NewServers(s, prometheus.NewRegistry(), log)
	f.t.Cleanup(func() { _ = servers.Close() })
	return profilecache.New(servers, profilecache.Options{TTL: time.Hour, NegativeTTL: time.Minute, FillTimeout: 5 * time.Second,
		Metrics: prometheus.NewRegistry(), Log: log})
}

func (f *fleet) write(ctx context.Context, pod *profilecache.Cache, id int) {
	r := &f.rows[id]
	r.mu.Lock()
	defer r.mu.Unlock()
	version := r.stored.Add(1)
	for pod.Mark(ctx, int64(id), version) != nil {
		// A machine that is busy may take too long for it.
	}
	r.acknowledged.Store(version)
}

// read returns whether the answer is older than what was acknowledged before the question.
func (f *fleet) read(ctx context.Context, pod *profilecache.Cache, id int) (stale bool) {
	acknowledged := f.rows[id].acknowledged.Load()
	known := pod.Get(ctx, int64(id))
	if !known.Known {
		var lease users.Lease
		if known, lease = pod.Lease(ctx, int64(id)); !known.Known {
			known.User = &users.User{ID: int64(id), Version: f.rows[id].stored.Load()}
			pod.Fill(ctx, int64(id), lease, known.User)
		}
	}
	return known.User.Version < acknowledged
}

// stale is how many of some thousand reads are, while pods of two layouts read and write at
// random.
func (f *fleet) stale(layouts ...layout) int {
	var pods []*profilecache.Cache
	for _, l := range layouts {
		pods = append(pods, f.pod(l))
	}
	var found atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 1000 {
				pod, id := pods[rand.IntN(len(pods))], rand.IntN(len(f.rows))
				if rand.IntN(10) == 0 {
					f.write(f.t.Context(), pod, id)
				} else if f.read(f.t.Context(), pod, id) {
					found.Add(1)
				}
			}
		})
	}
	all.Wait()
	return int(found.Load())
}

// smallest is the least layout that has a server. Where it changes, the server begins anew:
// components/redis sees to that, see generation there.
func smallest(server int, l layout) int {
	least := 0
	for _, n := range []int{l.nodes, l.also} {
		if n > server && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}

// TestNothingStaleWhileTheNumberOfServersChanges takes the documented steps from one server to
// three, to two, back to three and to one, and lets pods of before and after each step run
// side by side.
func TestNothingStaleWhileTheNumberOfServersChanges(t *testing.T) {
	f := newFleet(t, 3)
	steps := []layout{
		{1, 0}, {1, 3}, {3, 1}, {3, 0},
		{3, 2}, {2, 3}, {2, 0},
		{2, 3}, {3, 2}, {3, 0},
		{3, 1}, {1, 3}, {1, 0},
	}
	for i, now := range steps {
		before := steps[max(i-1, 0)]
		for server, admin := range f.admins {
			// A server that goes comes back empty too.
			if smallest(server, now) != smallest(server, before) {
				require.NoError(t, admin.FlushAll(t.Context()).Err())
			}
		}
		require.Zero(t, f.stale(before, now), "%s and %s", before, now)
	}
}

// The steps are for this: each of them left out is seen.
func TestWhatTheStepsAreFor(t *testing.T) {
	f := newFleet(t, 3)
	require.Positive(t, f.stale(layout{1, 0}, layout{3, 0}), "all at once")
	require.Positive(t, f.stale(layout{1, 0}, layout{3, 1}), "no step that only marks")
	require.Positive(t, f.stale(layout{1, 3}, layout{3, 0}), "no step that still marks")
}

// What a server keeps of keys that others have taken over is marked by nobody.
func TestAServerForgetsWhatItGaveAway(t *testing.T) {
	f := newFleet(t, 3)
	all := func(do func(id int)) {
		for id := range f.rows {
			do(id)
		}
	}
	old := func() (ids []int) {
		back := f.pod(layout{1, 3})
		all(func(id int) {
			if f.read(t.Context(), back, id) {
				ids = append(ids, id)
			}
		})
		return ids
	}
	one, three := f.pod(layout{1, 0}), f.pod(layout{3, 0})
	all(func(id int) { f.write(t.Context(), one, id); f.read(t.Context(), one, id) })
	all(func(id int) { f.write(t.Context(), three, id) })
	require.NotEmpty(t, old())
	require.NoError(t, f.admins[0].FlushAll(t.Context()).Err())
	require.Empty(t, old())
}

// A server that is gone, and one that answers nothing, cost their own keys.
func TestOneServerOfThreeThatIsDown(t *testing.T) {
	for name, end := range map[string]func(*redis.Client){
		"gone": func(admin *redis.Client) { _ = admin.ShutdownNoSave(context.Background()).Err() },
		"silent": func(admin *redis.Client) {
			require.NoError(t, admin.Do(t.Context(), "CLIENT", "PAUSE", "60000", "ALL").Err())
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 3)
			pod := f.pod(layout{3, 0})
			kept := map[int]bool{} // whether the server that goes has the key
			for id := range f.rows {
				f.write(t.Context(), pod, id)
				f.read(t.Context(), pod, id)
				kept[id] = f.admins[1].Exists(t.Context(), fmt.Sprint("user_profile:", id)).Val() == 1
			}
			end(f.admins[1])
			var reads, writes []time.Duration
			for range 20 {
				for id := range f.rows {
					began := time.Now()
					require.Equal(t, !kept[id], pod.Get(t.Context(), int64(id)).Known, id)
					if !kept[id] {
						reads = append(reads, time.Since(began))
					}
				}
			}
			for id := range f.rows {
				if began := time.Now(); !kept[id] {
					f.write(t.Context(), pod, id)
					writes = append(writes, time.Since(began))
					require.False(t, f.read(t.Context(), pod, id))
				}
			}
			slices.Sort(reads)
			slices.Sort(writes)
			t.Logf("keys of the others: longest read %s, longest write %s", reads[len(reads)-1], writes[len(writes)-1])
			// A machine that is busy makes single ones longer.
			require.Less(t, reads[len(reads)*9/10], 100*time.Millisecond, "none waits for the server that is down")
			require.Less(t, writes[len(writes)*9/10], 100*time.Millisecond)
		})
	}
}
