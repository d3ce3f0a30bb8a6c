package shardctl

import (
	"errors"
	"fmt"
	"testing"

	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

func TestExitCode(t *testing.T) {
	some := errors.New("some reason")
	for _, err := range []error{
		&identity.MismatchError{Shard: "shard-0"}, &migrate.RefusedError{Err: some},
		&reshard.RefusedError{Err: some}, &reshard.EndedError{},
	} {
		require.Equal(t, 3, ExitCode(fmt.Errorf("shard-0: %w", err)), "%T", err)
	}
	for _, err := range []error{some, reshard.ErrBusy} {
		require.Equal(t, 1, ExitCode(err))
	}
}
