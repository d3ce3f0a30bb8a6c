package relay_test

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/users"
	engine "github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// endSessions kills the sessions of all relays, and with them their locks.
func (r *rig) endSessions() {
	r.shards.Servers[0].Exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'relay'")
}

// onProduce runs before the broker sees a batch of events.
func (r *rig) onProduce(do func(n int) error) {
	var n atomic.Int32
	r.kafka.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		r.kafka.KeepControl()
		if err := do(int(n.Add(1))); err != nil {
			return nil, err, true
		}
		return nil, nil, false
	})
}

func TestACrashBetweenPublishingAndDeleting(t *testing.T) {
	r := newRig(t, 1)
	want := map[int64]int{}
	for n := range 30 {
		r.put(int64(n % 5))
		want[int64(n%5)]++
	}
	r.onProduce(func(n int) error {
		if n == 2 {
			r.endSessions()
		}
		return nil
	})
	r.start()
	r.drained()
	require.Equal(t, 7, r.published(want), "the batch whose rows could not be deleted comes twice")
}

func TestRegistrationsGoOnWithoutKafka(t *testing.T) {
	r := newRig(t, 1)
	var down atomic.Bool
	down.Store(true)
	r.onProduce(func(int) error {
		if down.Load() {
			return errors.New("down")
		}
		return nil
	})
	r.start()
	want := map[int64]int{}
	for n := range 50 {
		r.put(int64(n % 5))
		want[int64(n%5)]++
	}
	require.Equal(t, 50, r.waiting())
	down.Store(false)
	r.drained()
	r.published(want)
}

func TestATopicThatIsMadeAnew(t *testing.T) {
	r := newRig(t, 1)
	r.start()
	r.put(1)
	r.drained()
	admin := kadm.NewClient(r.kafka.Client())
	_, err := admin.DeleteTopics(t.Context(), events.UserTopic)
	require.NoError(t, err)
	r.put(2)
	made, err := admin.CreateTopics(t.Context(), 4, 1, nil, events.UserTopic)
	require.NoError(t, err)
	require.NoError(t, made.Error())
	r.drained()
	r.published(map[int64]int{2: 1})
}

func TestAShardThatRestarts(t *testing.T) {
	r := newRig(t, 1)
	r.start()
	r.put(1)
	r.drained()
	r.shards.Servers[0].Kill()
	r.shards.Servers[0].Run()
	// The old pool's connection may only now learn of the end.
	r.store = users.NewStore(engine.Router(t, r.shards), users.StoreOptions{Events: true})
	r.put(1)
	r.drained()
	r.published(map[int64]int{1: 2})
}

func TestOrderSurvivesEverything(t *testing.T) {
	r := newRig(t, 2)
	r.onProduce(func(n int) error {
		switch {
		case n%7 == 3:
			return errors.New("a connection that breaks before")
		case n%11 == 5:
			r.endSessions()
		}
		return nil
	})
	stops := []func(){r.start(), r.start()}
	want, mu := map[int64]int{}, sync.Mutex{}
	var all sync.WaitGroup
	for worker := range int64(4) {
		all.Go(func() {
			for n := range int64(60) {
				id := n%5*4 + worker
				r.put(id)
				mu.Lock()
				want[id]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	stops[0]()
	r.drained()
	t.Log("copies: " + strconv.Itoa(r.published(want)))
}
