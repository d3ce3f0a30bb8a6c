package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheNameChoosesTheEmulator(t *testing.T) {
	require.ErrorContains(t, run("emulators", nil, io.Discard), `"emulators" is not the name of an emulator`)
	for _, name := range []string{"pulumi-language-go", "pulumi-resource-random", "pulumi-resource-cloudflare"} {
		require.ErrorContains(t, run(name, []string{"one", "two"}, io.Discard), "the engine's address")
	}
}
