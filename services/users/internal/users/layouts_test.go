package users_test

import (
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/profilecache"
	"github.com/scalestack/scalestack/services/users/internal/redistest"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/stretchr/testify/require"
)

// Whole services on real servers, while the cache gets two servers more: whoever asks after an
// answer to a change gets it, from pods of before and after each step.
func TestNoOldUserWhileTheCacheGetsMoreServers(t *testing.T) {
	_, router := shardtest.Start(t, 1)
	settings := redistest.Start(t)
	one := settings.Address
	three := strings.Join([]string{one, redistest.Start(t).Address, redistest.Start(t).Address}, ",")
	service := func(address string) *users.Service {
		s, log := settings, slog.New(slog.DiscardHandler)
		s.Address = address
		servers := profilecache.NewServers(s, prometheus.NewRegistry(), log)
		t.Cleanup(func() { _ = servers.Close() })
		return users.NewService(users.NewStore(router, users.StoreOptions{}), profilecache.New(servers, profilecache.Options{
			TTL: time.Hour, NegativeTTL: time.Minute, FillTimeout: 5 * time.Second, Metrics: prometheus.NewRegistry(), Log: log}), 5*time.Second)
	}
	var acknowledged [16]atomic.Int64
	var writing [len(acknowledged)]sync.Mutex
	write := func(by *users.Service, id int) error {
		writing[id].Lock()
		defer writing[id].Unlock()
		user, _, err := by.Put(t.Context(), int64(id), ada)
		if err == nil {
			acknowledged[id].Store(user.Version)
		}
		return err
	}
	for id := range acknowledged {
		require.NoError(t, write(service(one), id))
	}
	for _, step := range [][2]string{{one, one + ";" + three}, {one + ";" + three, three + ";" + one}, {three + ";" + one, three}} {
		pods := []*users.Service{service(step[0]), service(step[1])}
		var hits atomic.Int64
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 200 {
					pod, id := pods[rand.IntN(2)], rand.IntN(len(acknowledged))
					if rand.IntN(8) == 0 {
						if err := write(pod, id); err != nil {
							t.Error(err)
						}
						continue
					}
					atLeast := acknowledged[id].Load()
					answer, err := pod.Get(t.Context(), int64(id))
					switch {
					case err != nil:
						t.Error(err)
					case answer.User.Version < atLeast:
						t.Errorf("user %d: version %d after %d was acknowledged, from %v", id, answer.User.Version, atLeast, step)
					case answer.Hit:
						hits.Add(1)
					}
				}
			})
		}
		all.Wait()
		require.Positive(t, hits.Load(), "the cache is in use")
	}
}
