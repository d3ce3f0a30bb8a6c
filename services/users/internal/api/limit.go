package api

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// busyRetryAfter is what a client is told to wait when this process has too much to do.
const busyRetryAfter = time.Second

type beyondKey struct{}

// Beyond marks what comes over a connection beyond the limit.
func Beyond(ctx context.Context) context.Context { return context.WithValue(ctx, beyondKey{}, true) }

func isBeyond(ctx context.Context) bool { return ctx.Value(beyondKey{}) != nil }

// refusal is a problem that passes.
type refusal struct{ *problem }

func busy(status int, detail string) refusal { return refusal{newProblem(status, detail)} }

func (r refusal) write(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(int(busyRetryAfter.Seconds())))
	r.problem.write(w)
}

// admitted runs a handler if there is a slot. A queue would only make everybody late:
// the client knows better whether to wait.
func (a *API) admitted(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case a.slots <- struct{}{}:
			defer func() { <-a.slots }()
			handler(w, r)
		default:
			busy(http.StatusTooManyRequests, "too many requests at once").write(w)
		}
	}
}
