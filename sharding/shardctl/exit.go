package shardctl

import (
	"errors"

	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/reshard"
)

const (
	failed = 1
	// final is for errors that no retry fixes: a Job, for example, should stop and show
	// the reason.
	final = 3
)

// ExitCode returns the exit code for an error of a command: 3 for a map or a move that
// was refused, which no retry changes, 1 for everything else.
func ExitCode(err error) int {
	var wrongMap *identity.MismatchError
	var refusedMap *migrate.RefusedError
	var refusedMove *reshard.RefusedError
	var ended *reshard.EndedError
	for _, reason := range []any{&wrongMap, &refusedMap, &refusedMove, &ended} {
		if errors.As(err, reason) {
			return final
		}
	}
	return failed
}
