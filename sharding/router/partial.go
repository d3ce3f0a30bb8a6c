package router

import (
	"fmt"
	"strings"
)

// PartialError says that a question to all shards was not answered for all users.
type PartialError struct {
	// Asked is the number of shards.
	Asked int
	// Failures are the shards that gave no answer, by ascending id.
	Failures []ShardError
	// Missing lists the buckets that no answer covers: those of the failed shards, and
	// those that were between two owners for too long.
	Missing []int
	// Twice lists the buckets that two shards claim.
	Twice []int
}

// ShardError is why one shard gave no answer.
type ShardError struct {
	Shard string
	Err   error
}

// Error names the shard once, even if the wrapped error does too.
func (e ShardError) Error() string {
	return e.Shard + ": " + strings.TrimPrefix(e.Err.Error(), e.Shard+": ")
}

// Unwrap returns the cause.
func (e ShardError) Unwrap() error { return e.Err }

func (e *PartialError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d of %d shards gave no answer, %d buckets are missing", len(e.Failures), e.Asked, len(e.Missing))
	if len(e.Twice) > 0 {
		fmt.Fprintf(&text, ", %d were seen twice", len(e.Twice))
	}
	for _, failure := range e.Failures {
		text.WriteString("; " + failure.Error())
	}
	return text.String()
}

// Unwrap returns the reasons of all shards.
func (e *PartialError) Unwrap() []error {
	errs := make([]error, len(e.Failures))
	for i, failure := range e.Failures {
		errs[i] = failure
	}
	return errs
}
