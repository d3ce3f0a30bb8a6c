package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/scalestack/scalestack/internal/identity"
	"github.com/scalestack/scalestack/workload/internal/migrate"
	"github.com/scalestack/scalestack/workload/internal/reshard"
	"github.com/stretchr/testify/require"
)

func TestExitCode(t *testing.T) {
	some := errors.New("some reason")
	for _, err := range []error{
		&identity.MismatchError{Shard: "shard-0"}, &migrate.RefusedError{Err: some},
		&reshard.RefusedError{Err: some}, &reshard.EndedError{},
	} {
		require.Equal(t, 3, exitCode(fmt.Errorf("shard-0: %w", err)), "%T", err)
	}
	for _, err := range []error{some, reshard.ErrBusy} {
		require.Equal(t, 1, exitCode(err))
	}
}
