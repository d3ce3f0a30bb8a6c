package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Side is one of the alternatives that are compared.
type Side struct {
	Name string
	// Do is one operation. n counts them from 0 in each turn.
	Do func(ctx context.Context, n int) error
	// Prepare and Finish, when set, are called before and after each turn, which
	// is not measured.
	Prepare, Finish func(ctx context.Context) error
}

// Plan says how often the sides are measured.
type Plan struct {
	// Rounds is how often every side has its turn, after a first one that does not
	// count.
	Rounds int
	// Operations is the number of operations in a turn.
	Operations int
	// Clients is how many operations run at once.
	Clients int
}

// Result is the measurement of one side.
type Result struct {
	Name   string
	Rounds []Sample
}

// All returns the times of all rounds.
func (r Result) All() Sample {
	var all Sample
	for _, round := range r.Rounds {
		all = append(all, round...)
	}
	return all
}

// Alternate lets the sides take turns. Each round starts with another side, because the
// first one may find the machine in a different state than the last.
func Alternate(ctx context.Context, p Plan, sides ...Side) ([]Result, error) {
	results := make([]Result, len(sides))
	for round := range p.Rounds + 1 {
		for turn := range sides {
			n := (round + turn) % len(sides)
			sample, err := measure(ctx, p, sides[n])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", sides[n].Name, err)
			}
			results[n].Name = sides[n].Name
			if round > 0 {
				results[n].Rounds = append(results[n].Rounds, sample)
			}
		}
	}
	return results, nil
}

// measure is one turn of a side.
func measure(ctx context.Context, p Plan, side Side) (Sample, error) {
	if side.Prepare != nil {
		if err := side.Prepare(ctx); err != nil {
			return nil, err
		}
	}
	sample, err := run(ctx, p, side.Do)
	if err == nil && side.Finish != nil {
		err = side.Finish(ctx)
	}
	return sample, err
}

// run shares the operations among the clients. The first error ends it.
func run(ctx context.Context, p Plan, do func(context.Context, int) error) (Sample, error) {
	sample := make(Sample, p.Operations)
	var next atomic.Int64
	clients, ctx := errgroup.WithContext(ctx)
	for range p.Clients {
		clients.Go(func() error {
			for ctx.Err() == nil {
				n := int(next.Add(1)) - 1
				if n >= p.Operations {
					return nil
				}
				began := time.Now()
				if err := do(ctx, n); err != nil {
					return err
				}
				sample[n] = time.Since(began)
			}
			return ctx.Err()
		})
	}
	return sample, clients.Wait()
}
