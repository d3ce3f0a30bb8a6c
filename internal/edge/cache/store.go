package cache

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// store keeps entries up to a number of bytes and drops the least recently
// used ones first.
type store struct {
	mu       sync.Mutex
	entries  *simplelru.LRU[string, *entry]
	bytes    int64
	capacity int64
	// generation counts purges: what was asked for before one is not kept.
	generation uint64
}

func newStore(capacity int64) *store {
	s := &store{capacity: capacity}
	// The library counts entries and this store counts bytes.
	s.entries, _ = simplelru.NewLRU(math.MaxInt, func(_ string, n *entry) { s.bytes -= n.size() })
	return s
}

func (s *store) get(key string) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, _ := s.entries.Get(key)
	return n
}

// now returns the generation that a fetch belongs to.
func (s *store) now() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.generation
}

// put keeps an entry unless there was a purge since its generation.
func (s *store) put(n *entry, generation uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if generation != s.generation || n.size() > s.capacity {
		return
	}
	s.bytes += n.size()
	s.entries.Add(n.key, n)
	for s.bytes > s.capacity {
		s.entries.RemoveOldest()
	}
}

func (s *store) remove(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries.Remove(key)
}

// purge drops the entries that match and returns how many there were.
func (s *store) purge(matches func(*entry) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	purged := 0
	for _, n := range s.entries.Values() {
		if matches(n) {
			s.entries.Remove(n.key)
			purged++
		}
	}
	return purged
}

func (s *store) size() (entries int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries.Len(), s.bytes
}
