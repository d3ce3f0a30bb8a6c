package bench_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

// marks are the moments at which entries of the cache were written, as Redis
// itself reports them.
type marks struct {
	mu    sync.Mutex
	first map[int64]time.Time
}

func (l *lab) watchMarks() *marks {
	l.t.Helper()
	m := &marks{first: map[int64]time.Time{}}
	ctx := context.Background()
	require.NoError(l.t, l.admin.ConfigSet(ctx, "notify-keyspace-events", "E$").Err())
	subscription := l.admin.Subscribe(ctx, "__keyevent@0__:set")
	_, err := subscription.Receive(ctx)
	require.NoError(l.t, err)
	l.t.Cleanup(func() { _ = subscription.Close() })
	go func() {
		for message := range subscription.Channel() {
			m.add(message.Payload, time.Now())
		}
	}()
	return m
}

func (m *marks) add(key string, at time.Time) {
	text, _ := strings.CutPrefix(key, "user_profile:")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.first[id]; !known {
		m.first[id] = at
	}
}

func (m *marks) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.first)
}
