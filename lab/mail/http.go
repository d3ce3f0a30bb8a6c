package mail

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// maxDelay is below the time-outs of usual clients.
const maxDelay = time.Minute

// Handler is the view for tests.
func (s *Sink) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /messages/count", func(w http.ResponseWriter, _ *http.Request) {
		messages, unique := s.Store.Count()
		reply(w, map[string]int{"messages": messages, "unique": unique})
	})
	mux.HandleFunc("GET /messages", s.messages)
	mux.HandleFunc("GET /duplicates", func(w http.ResponseWriter, _ *http.Request) {
		ids := s.Store.Duplicates()
		reply(w, map[string]any{"messages": len(ids), "ids": ids})
	})
	mux.HandleFunc("DELETE /messages", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.Store.Clear(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("POST /delay", s.setDelay)
	return mux
}

func (s *Sink) messages(w http.ResponseWriter, r *http.Request) {
	to := r.FormValue("to")
	if to == "" {
		http.Error(w, "to is required: /messages?to=ada@example.com", http.StatusBadRequest)
		return
	}
	reply(w, s.Store.To(to))
}

func (s *Sink) setDelay(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.Atoi(r.FormValue("ms"))
	delay := time.Duration(ms) * time.Millisecond
	if err != nil || delay < 0 || delay > maxDelay {
		http.Error(w, fmt.Sprintf("ms: %q is not between 0 and %d", r.FormValue("ms"), maxDelay.Milliseconds()), http.StatusBadRequest)
		return
	}
	s.SetDelay(delay)
}

// reply can only fail because the client is gone.
func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}
