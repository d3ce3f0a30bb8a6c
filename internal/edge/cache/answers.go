package cache

import (
	"encoding/json"
	"maps"
	"net/http"
	"sync"
)

// blocked is what an answer without a cache status was: refused by a rate limit.
const blocked = "BLOCKED"

// answers counts what visitors got, by cache status.
type answers struct {
	mu       sync.Mutex
	byStatus map[string]int64
}

func (a *answers) count(h http.Header) {
	status := h.Get(statusHeader)
	if status == "" {
		status = blocked
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byStatus[status]++
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
