package router

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// StepName says which part of an operation a [Step] is.
type StepName string

// Steps of an operation. Read and write are a whole [Router.Read] or [Router.Write];
// within them each attempt is a wait for a connection of the shard's pool and, with the
// connection, the statements on the shard.
const (
	StepRead    StepName = "read"
	StepWrite   StepName = "write"
	StepConnect StepName = "connect"
	StepExecute StepName = "execute"
)

// Step is a part of an operation, for [Options.Trace].
type Step struct {
	Name StepName
	// Shard is the name of the shard, "" for a read or write as a whole, which may ask
	// several.
	Shard string
}

// untraced ends a step that nobody follows.
var untraced = func(error) {}

func (r *Router) begin(ctx context.Context, s Step) (context.Context, func(error)) {
	if r.options.Trace == nil {
		return ctx, untraced
	}
	return r.options.Trace(ctx, s)
}

// fault returns the error if a shard gave it or could not be asked. Errors of the
// operation's own, such as pgx.ErrNoRows, are answers.
func fault(err error) error {
	if err == nil {
		return nil
	}
	var unavailable *UnavailableError
	var refused *pgconn.PgError
	if errors.As(err, &unavailable) || errors.As(err, &refused) {
		return err
	}
	return nil
}
