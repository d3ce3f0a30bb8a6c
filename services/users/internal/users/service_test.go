package users

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
)

// fakeDatabase holds versions; gate, when set, holds up reads after they have
// seen the data.
type fakeDatabase struct {
	mu      sync.Mutex
	version int64
	gate    chan struct{}
	reads   atomic.Int32
	err     error
	Products
}

func (f *fakeDatabase) ShardOf(int64) string { return "shard-1" }

func (f *fakeDatabase) Get(ctx context.Context, id int64) (*User, string, error) {
	f.mu.Lock()
	version, err, gate := f.version, f.err, f.gate
	f.mu.Unlock()
	f.reads.Add(1)
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, "shard-1", ctx.Err()
		}
	}
	if err != nil || version == 0 {
		return nil, "shard-1", err
	}
	return &User{ID: id, Version: version}, "shard-1", nil
}

func (f *fakeDatabase) Put(_ context.Context, id int64, _ Profile) (*User, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, "shard-1", f.err
	}
	f.version++
	return &User{ID: id, Version: f.version}, "shard-1", nil
}

func (f *fakeDatabase) Update(ctx context.Context, id int64, p Profile) (*User, string, error) {
	return f.Put(ctx, id, p)
}

func (f *fakeDatabase) Create(ctx context.Context, p Profile, _ string) (*User, string, error) {
	return f.Put(ctx, 7, p)
}

func (f *fakeDatabase) Delete(ctx context.Context, id int64) (int64, string, error) {
	user, shard, err := f.Put(ctx, id, Profile{})
	if err != nil {
		return 0, shard, err
	}
	return user.Version, shard, nil
}

// set changes the fake while reads are held up.
func (f *fakeDatabase) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// fakeCache is a perfect cache, or none at all.
type fakeCache struct {
	mu       sync.Mutex
	off      bool
	entries  map[int64]Cached
	versions map[int64]int64
}

func (f *fakeCache) Get(_ context.Context, id int64) Cached {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.entries[id]
}

// Lease gives the version of the last change: a fill proves that there was no other.
func (f *fakeCache) Lease(_ context.Context, id int64) (Cached, Lease) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.entries[id], f.lease(id)
}

func (f *fakeCache) lease(id int64) Lease { return Lease(fmt.Sprint(f.versions[id])) }

func (f *fakeCache) Fill(_ context.Context, id int64, lease Lease, user *User) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.off && lease == f.lease(id) {
		f.entries[id] = Cached{Known: true, User: user}
	}
}

func (f *fakeCache) Invalidate(_ context.Context, id int64, version int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.off {
		f.entries[id], f.versions[id] = Cached{}, max(version, f.versions[id])
	}
}

func newFakes() (*Service, *fakeDatabase, *fakeCache) {
	database, cache := &fakeDatabase{}, &fakeCache{entries: map[int64]Cached{}, versions: map[int64]int64{}}
	return NewService(database, cache, 10*time.Second), database, cache
}

func TestReadThroughTheCache(t *testing.T) {
	service, _, _ := newFakes()
	answer, err := service.Get(t.Context(), 7)
	require.NoError(t, err)
	require.Equal(t, Answer{Shard: "shard-1"}, answer)
	answer, err = service.Get(t.Context(), 7)
	require.NoError(t, err)
	require.Equal(t, Answer{Hit: true, Shard: "shard-1"}, answer, "the absence is remembered")

	_, _, err = service.Put(t.Context(), 7, Profile{})
	require.NoError(t, err)
	for _, hit := range []bool{false, true} {
		answer, err = service.Get(t.Context(), 7)
		require.NoError(t, err)
		require.Equal(t, Answer{User: &User{ID: 7, Version: 1}, Hit: hit, Shard: "shard-1"}, answer)
	}
}

func TestADeletionInvalidates(t *testing.T) {
	service, database, cache := newFakes()
	database.version = 4
	found, shard, err := service.Delete(t.Context(), 7)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "shard-1", shard)
	require.EqualValues(t, 5, cache.versions[7])
}

func TestAnUpdateInvalidates(t *testing.T) {
	service, database, cache := newFakes()
	database.version = 4
	user, shard, err := service.Update(t.Context(), 7, Profile{})
	require.NoError(t, err)
	require.EqualValues(t, 5, user.Version)
	require.Equal(t, "shard-1", shard)
	require.EqualValues(t, 5, cache.versions[7])
}

func TestARegistrationLeavesTheCacheAlone(t *testing.T) {
	service, _, cache := newFakes()
	_, _, err := service.Create(t.Context(), Profile{}, "")
	require.NoError(t, err)
	require.Empty(t, cache.versions)
}

func TestAStampedeIsOneQuery(t *testing.T) {
	service, database, _ := newFakes()
	database.version, database.gate = 1, make(chan struct{})
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			answer, err := service.Get(t.Context(), 7)
			if err != nil || answer.User.Version != 1 {
				t.Errorf("%+v, %v", answer, err)
			}
		})
	}
	require.Eventually(t, func() bool { return database.reads.Load() == 1 }, 5*time.Second, time.Millisecond)
	close(database.gate)
	all.Wait()
	require.EqualValues(t, 1, database.reads.Load())
}

func TestAnAcknowledgedChangeIsRead(t *testing.T) {
	for name, off := range map[string]bool{"with a cache": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			service, database, cache := newFakes()
			cache.off = off
			gate := make(chan struct{})
			database.version, database.gate = 1, gate
			slow := make(chan Answer, 1)
			go func() {
				answer, _ := service.Get(context.Background(), 7)
				slow <- answer
			}()
			require.Eventually(t, func() bool { return database.reads.Load() == 1 }, 5*time.Second, time.Millisecond)
			database.set(func() { database.gate = nil })
			_, _, err := service.Put(t.Context(), 7, Profile{})
			require.NoError(t, err)

			later := make(chan Answer, 1)
			go func() {
				answer, _ := service.Get(context.Background(), 7)
				later <- answer
			}()
			close(gate)
			require.EqualValues(t, 1, (<-slow).User.Version)
			require.EqualValues(t, 2, (<-later).User.Version, "must not join the query that began before the change")
			answer, err := service.Get(t.Context(), 7)
			require.NoError(t, err)
			require.EqualValues(t, 2, answer.User.Version, "the slow reader must not fill the cache with the old version")
		})
	}
}

func TestACallerThatLeavesDoesNotEndTheQueryOfOthers(t *testing.T) {
	service, database, _ := newFakes()
	database.version, database.gate = 1, make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := service.Get(ctx, 7)
		left <- err
	}()
	require.Eventually(t, func() bool { return database.reads.Load() == 1 }, 5*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-left, context.Canceled)
	stayed := make(chan Answer, 1)
	go func() {
		answer, _ := service.Get(context.Background(), 7)
		stayed <- answer
	}()
	close(database.gate)
	require.EqualValues(t, 1, (<-stayed).User.Version)
}

func TestAnUnknownOutcomeInvalidates(t *testing.T) {
	service, database, cache := newFakes()
	database.err = &router.UnavailableError{Shard: "shard-1", Unknown: true, Err: errors.New("connection lost")}
	_, shard, err := service.Put(t.Context(), 7, Profile{})
	require.ErrorContains(t, err, "shard-1: unavailable: connection lost")
	require.Equal(t, "shard-1", shard)
	require.Equal(t, UnknownVersion, cache.versions[7])
	cache.versions[7] = 0
	_, _, err = service.Update(t.Context(), 7, Profile{})
	require.ErrorContains(t, err, "shard-1: unavailable: connection lost")
	require.Equal(t, UnknownVersion, cache.versions[7])
	cache.versions[7] = 0
	_, _, err = service.Delete(t.Context(), 7)
	require.ErrorContains(t, err, "shard-1: unavailable: connection lost")
	require.Equal(t, UnknownVersion, cache.versions[7])

	service, database, cache = newFakes()
	database.err = &router.UnavailableError{Shard: "shard-1", Err: errors.New("connection refused")}
	_, _, err = service.Put(t.Context(), 7, Profile{})
	require.ErrorContains(t, err, "connection refused")
	require.Zero(t, cache.versions[7])
}

func TestAFailureIsNotRemembered(t *testing.T) {
	service, database, cache := newFakes()
	database.err = errors.New("down")
	answer, err := service.Get(t.Context(), 7)
	require.EqualError(t, err, "down")
	require.Equal(t, Answer{Shard: "shard-1"}, answer)
	require.Equal(t, Cached{}, cache.Get(t.Context(), 7))
}
