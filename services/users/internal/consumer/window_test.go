package consumer

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestWindow(t *testing.T) {
	w := newWindow()
	var running []*item
	begin := func(i *item) { running = append(running, i) }
	end := func(n int, f fate) int64 {
		t.Helper()
		for i, one := range running {
			if one.n != n {
				continue
			}
			running = append(running[:i], running[i+1:]...)
			if last := w.end(ended{one, f}, begin); last != nil {
				return last.Offset
			}
			return 0
		}
		require.Fail(t, "does not run", "%d", n)
		return 0
	}
	for offset, key := range []string{"a", "b", "a", "c", "b"} {
		w.add(&kgo.Record{Key: []byte(key), Offset: int64(offset + 1)}, begin)
	}
	require.Len(t, running, 3, "one of each key")
	require.Equal(t, windowSize-5, w.room())
	require.Zero(t, end(2, succeeded), "the first is not done")
	require.Len(t, running, 3, "the next of b")
	require.Zero(t, end(4, buried))
	require.EqualValues(t, 2, end(1, succeeded))
	require.EqualValues(t, 4, end(3, succeeded))
	require.Zero(t, end(5, stopped))
	require.Empty(t, running)
	require.Equal(t, windowSize-1, w.room())
}

// Whatever ends when: a key's records begin in their order, and what is marked
// has nothing before it that is not done.
func TestWindowAtRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	w := newWindow()
	var running []*item
	lastOf, done, marked := map[string]int64{}, map[int64]bool{}, int64(0)
	begin := func(i *item) {
		key := string(i.record.Key)
		require.Greater(t, i.record.Offset, lastOf[key])
		lastOf[key] = i.record.Offset
		running = append(running, i)
	}
	for offset := int64(1); marked < 5000; {
		for ; w.room() > 0 && offset <= 5000 && random.IntN(3) > 0; offset++ {
			w.add(&kgo.Record{Key: []byte{byte(random.IntN(20))}, Offset: offset}, begin)
		}
		if len(running) == 0 {
			continue
		}
		i := random.IntN(len(running))
		one := running[i]
		running = append(running[:i], running[i+1:]...)
		done[one.record.Offset] = true
		if last := w.end(ended{one, succeeded}, begin); last != nil {
			for ; marked < last.Offset; marked++ {
				require.True(t, done[marked+1])
			}
		}
		require.Len(t, running, w.running)
	}
	require.Empty(t, w.waiting)
}
