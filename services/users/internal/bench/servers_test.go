package bench_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/scalestack/scalestack/services/users/internal/profilecache"
	"github.com/scalestack/scalestack/services/users/internal/redistest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/bench"
	"github.com/stretchr/testify/require"
)

// TestCacheServers reads profiles that are in the cache, from one server and from three, and
// one profile alone. What a server's processor does for each is what bounds it, wherever the
// clients run.
func TestCacheServers(t *testing.T) {
	operations, really := measuring(t, 300)
	known, rounds := 100, 2
	if really {
		known, rounds, operations = 10_000, 5, 4*operations
		machine(t)
	}
	one, three := startServers(t, 1, known), startServers(t, 3, known)
	plan := bench.Plan{Rounds: rounds, Operations: operations, Clients: 8}
	sides := []*servers{one.side("one server", known), three.side("three servers", known), three.side("three servers, one key", 1)}
	results, err := bench.Alternate(t.Context(), plan, sides[0].do(), sides[1].do(), sides[2].do())
	require.NoError(t, err)
	var notes []string
	for _, s := range sides {
		notes = append(notes, s.note())
	}
	publish(t, bench.Compare(fmt.Sprintf("hits of %d profiles: %d at once, %d rounds of %d operations",
		known, plan.Clients, plan.Rounds, plan.Operations), results, notes...).WithRates("hits/s", 1, plan.Clients, results))
	spread, hot := sides[1].busiest(), sides[2].busiest()
	require.Less(t, spread, 0.5, "each server has a third")
	require.Greater(t, hot, 0.9, "all of a key's reads are one server's")
}

// servers are a cache under one load.
type servers struct {
	admins []*redis.Client
	cache  *profilecache.Cache
	name   string
	keys   int
	// spent is what each server has done in the turns, and before their beginning less than 0.
	spent []usage
}

// usage of a server's processor, in seconds, and the reads that it answered.
type usage struct{ seconds, reads float64 }

func startServers(t *testing.T, n, known int) *servers {
	t.Helper()
	s := &servers{}
	first := redistest.Start(t)
	s.admins = append(s.admins, redistest.Client(t, first))
	for len(s.admins) < n {
		next := redistest.Start(t)
		s.admins = append(s.admins, redistest.Client(t, next))
		first.Address += "," + next.Address
	}
	all := profilecache.NewServers(first, prometheus.NewRegistry(), quiet())
	t.Cleanup(func() { _ = all.Close() })
	s.cache = profilecache.New(all, profilecache.Options{TTL: time.Hour, NegativeTTL: time.Minute, FillTimeout: timeout,
		Metrics: prometheus.NewRegistry(), Log: quiet()})
	for id := range int64(known) {
		_, lease := s.cache.Lease(t.Context(), id)
		s.cache.Fill(t.Context(), id, lease, &users.User{ID: id, Version: 1, Name: fmt.Sprint("User ", id), Email: fmt.Sprint(id, "@example.com")})
	}
	return s
}

// side is the same cache under a load of its own.
func (s *servers) side(name string, keys int) *servers {
	return &servers{admins: s.admins, cache: s.cache, name: name, keys: keys, spent: make([]usage, len(s.admins))}
}

func (s *servers) do() bench.Side {
	return bench.Side{
		Name: s.name, Prepare: s.count(-1), Finish: s.count(1),
		Do: func(ctx context.Context, n int) error {
			if id := int64(n % s.keys); !s.cache.Get(ctx, id).Known {
				return fmt.Errorf("profile %d is not in the cache", id)
			}
			return nil
		},
	}
}

// count adds what the servers have done so far, or takes it off.
func (s *servers) count(sign float64) func(context.Context) error {
	return func(ctx context.Context) error {
		for n, admin := range s.admins {
			u, err := usageOf(ctx, admin)
			if err != nil {
				return err
			}
			s.spent[n].seconds += sign * u.seconds
			s.spent[n].reads += sign * u.reads
		}
		return nil
	}
}

// busiest is the share of the reads that the busiest server had.
func (s *servers) busiest() float64 {
	var most, all float64
	for _, u := range s.spent {
		most, all = max(most, u.reads), all+u.reads
	}
	return most / all
}

// note is what bounds a server: Redis runs commands on one core.
func (s *servers) note() string {
	var all usage
	for _, u := range s.spent {
		all.seconds, all.reads = all.seconds+u.seconds, all.reads+u.reads
	}
	each := all.seconds / all.reads
	return fmt.Sprintf("%s: %.1f µs of the server's processor for each hit, so %.0f/s of a core; the busiest server had %.0f %%",
		s.name, each*1e6, 1/each, 100*s.busiest())
}

var figures = regexp.MustCompile(`(?m)^(used_cpu_sys|used_cpu_user|cmdstat_get):(?:calls=)?([\d.]+)`)

func usageOf(ctx context.Context, admin *redis.Client) (u usage, err error) {
	text, err := admin.Info(ctx, "cpu", "commandstats").Result()
	for _, found := range figures.FindAllStringSubmatch(text, -1) {
		value, _ := strconv.ParseFloat(found[2], 64)
		if strings.HasPrefix(found[1], "used") {
			u.seconds += value
		} else {
			u.reads = value
		}
	}
	return u, err
}
