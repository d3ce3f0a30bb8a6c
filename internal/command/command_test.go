package command_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/command"
)

func TestOutput(t *testing.T) {
	output, reason, err := command.Output(t.Context(), "sh", "-c", "echo said; echo more >&2")
	require.NoError(t, err)
	require.Equal(t, "said\n", string(output))
	require.Empty(t, reason)

	_, reason, err = command.Output(t.Context(), "sh", "-c", "echo why >&2; exit 3")
	require.EqualError(t, err, "exit status 3")
	require.Equal(t, "why", reason)

	_, reason, err = command.Output(t.Context(), "sh", "-c", "exit 4")
	require.Error(t, err)
	require.Equal(t, "exit status 4", reason, "something is always said")

	_, reason, err = command.Output(t.Context(), "no-such-program")
	require.Error(t, err)
	require.Contains(t, reason, "not found")
}
