package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// RegisterOptions describe new users who register. Target, Run and Count are
// required.
type RegisterOptions struct {
	Target Target
	// Run distinguishes the addresses of these users from all others'.
	Run string
	// Count is how many users register.
	Count int
	// Clients is how many do so at once, default 8.
	Clients int
	// Rate is the most registrations per second, default 200.
	Rate float64
	// Patience and Attempt are those of Options.
	Patience, Attempt time.Duration
}

// Registered is a user whose registration was acknowledged.
type Registered struct {
	User  int64
	Email string
}

// Registrations are users who register, each once. A request is repeated with
// the same key, so that it makes one user however often it is sent.
type Registrations struct {
	options RegisterOptions
	caller
	next    atomic.Int64
	running sync.WaitGroup

	mu    sync.Mutex
	users []Registered
}

// Register begins; Wait ends it.
func Register(ctx context.Context, o RegisterOptions) *Registrations {
	orDefault(&o.Clients, 8)
	orDefault(&o.Rate, 200)
	orDefault(&o.Patience, defaultPatience)
	orDefault(&o.Attempt, defaultAttempt)
	r := &Registrations{options: o, caller: caller{target: o.Target, patience: o.Patience, attempt: o.Attempt}}
	pace := rate.NewLimiter(rate.Limit(o.Rate), o.Clients)
	for range o.Clients {
		r.running.Go(func() {
			for number := r.next.Add(1); number <= int64(o.Count) && pace.Wait(ctx) == nil; number = r.next.Add(1) {
				r.register(number)
			}
		})
	}
	return r
}

// Wait returns the users when all have registered.
func (r *Registrations) Wait() ([]Registered, Report) {
	r.running.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.users, r.tally.report()
}

// Report says how it goes so far; registrations count as writes.
func (r *Registrations) Report() Report { return r.tally.report() }

func (r *Registrations) register(number int64) {
	key := fmt.Sprintf("%s-%d", r.options.Run, number)
	email := key + "@load.example.com"
	r.repeat(&r.tally.writes, func(ctx context.Context) outcome {
		answer, err := r.target.post(ctx, key, fmt.Sprintf("New user %d", number), email)
		switch written(answer, err) {
		case done:
			r.mu.Lock()
			r.users = append(r.users, Registered{User: answer.ID, Email: email})
			r.mu.Unlock()
			return outcome{ok: true}
		case unknown:
			r.tally.unknown.Add(1)
		}
		return answer.failed(err)
	})
}
