package ratelimit

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEachCallerHasItsOwnLimit(t *testing.T) {
	now := time.Now()
	l := newLimiter(2, 3, 10, func() time.Time { return now })
	for range 3 {
		require.Zero(t, l.Wait("ada"))
	}
	for range 5 {
		require.Equal(t, 500*time.Millisecond, l.Wait("ada"), "what is refused does not count")
	}
	require.Zero(t, l.Wait("eve"))
	now = now.Add(500 * time.Millisecond)
	require.Zero(t, l.Wait("ada"))
	require.NotZero(t, l.Wait("ada"))
}

func TestFirstRequestsAtOnceShareABucket(t *testing.T) {
	now := time.Now()
	l := newLimiter(1, 5, 10, func() time.Time { return now })
	var all sync.WaitGroup
	var passed atomic.Int64
	for range 100 {
		all.Go(func() {
			if l.Wait("ada") == 0 {
				passed.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 5, passed.Load())
}

func TestMemoryIsBounded(t *testing.T) {
	l := newLimiter(1, 1, 10, time.Now)
	for i := range 1000 {
		l.Wait(fmt.Sprint(i))
	}
	require.Equal(t, 10, l.buckets.Len())
}
