package main

import (
	"errors"

	"github.com/scalestack/scalestack/internal/identity"
	"github.com/scalestack/scalestack/workload/internal/migrate"
	"github.com/scalestack/scalestack/workload/internal/reshard"
)

const (
	failed = 1
	// final is for what fails again however often it is tried: whoever runs the
	// command, as a Job does, should stop and show the reason.
	final = 3
)

func exitCode(err error) int {
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
