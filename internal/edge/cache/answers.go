package cache

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// blocked is what an answer without a cache status was: refused by a rate limit.
	blocked = "BLOCKED"
	// remembered is how far back the analytics go, and mostKinds how many paths and
	// statuses of one second they tell apart; what is beyond is counted for no path.
	remembered = 15 * time.Minute
	mostKinds  = 1000
)

// answers counts what visitors got, by cache status, and for a while by path and second.
type answers struct {
	mu       sync.Mutex
	byStatus map[string]int64
	seconds  []second
}

type second struct {
	unix   int64
	counts map[kind]int64
}

type kind struct{ path, status string }

func (a *answers) count(h http.Header, path string, clock func() time.Time) {
	status := h.Get(statusHeader)
	if status == "" {
		status = blocked
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byStatus[status]++
	now := clock()
	if n := len(a.seconds); n == 0 || a.seconds[n-1].unix != now.Unix() {
		a.forget(now)
		a.seconds = append(a.seconds, second{now.Unix(), map[kind]int64{}})
	}
	// Cloudflare's name for what no cache had a part in.
	if status == blocked {
		status = "none"
	}
	counts, k := a.seconds[len(a.seconds)-1].counts, kind{path, strings.ToLower(status)}
	if _, there := counts[k]; there || len(counts) < mostKinds {
		counts[k]++
	}
}

func (a *answers) forget(now time.Time) {
	first := now.Add(-remembered).Unix()
	a.seconds = slices.DeleteFunc(a.seconds, func(s second) bool { return s.unix < first })
}

// between counts by status, from the first moment up to the second.
func (a *answers) between(from, to time.Time, matches func(path string) bool) map[string]int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	counts := map[string]int64{}
	for _, s := range a.seconds {
		if s.unix < from.Unix() || s.unix >= to.Unix() {
			continue
		}
		for k, n := range s.counts {
			if matches(k.path) {
				counts[k.status] += n
			}
		}
	}
	return counts
}

// Answers are the numbers of answers since the start by cache status, such as HIT;
// BLOCKED are those that a rate limit refused.
func (e *Edge) Answers() map[string]int64 {
	e.answers.mu.Lock()
	defer e.answers.mu.Unlock()
	return maps.Clone(e.answers.byStatus)
}

func (e *Edge) handleAnswers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(e.Answers()) // fails only when the client is gone
}
