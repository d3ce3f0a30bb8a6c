package tunnel

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// A tunnel of a lost state has the name, and a password that nobody knows any more.
func TestATunnelOfALostState(t *testing.T) {
	failed := func(operation, message string) *pulumi.ErrorHookArgs {
		return &pulumi.ErrorHookArgs{FailedOperation: operation, Errors: []string{message}}
	}
	require.Contains(t, nameTaken(failed("create", "error creating tunnel: You already have a tunnel with this name (1013)")), "cloudflared tunnel delete")
	require.Empty(t, nameTaken(failed("create", "Authentication error (10000)")))
	require.Empty(t, nameTaken(failed("update", "You already have a tunnel with this name (1013)")))
	require.Empty(t, nameTaken(failed("create", "")))
}
