package router

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// StepName is the part of an operation that a [Step] covers.
type StepName string

// Steps of an operation. Read and write are a whole [Router.Read] or [Router.Write].
// Each attempt within them consists of a wait for a connection from the shard's pool
// and of the statements on the shard.
const (
	StepRead    StepName = "read"
	StepWrite   StepName = "write"
	StepConnect StepName = "connect"
	StepExecute StepName = "execute"
)

// Step is a part of an operation, for [Options.Trace].
type Step struct {
	Name StepName
	// Shard is the name of the shard, "" for a whole read or write, which may ask
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

// fault returns the error if a shard failed or could not be asked. Errors of the
// operation itself, such as pgx.ErrNoRows, are answers.
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
