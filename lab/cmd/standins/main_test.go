package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheNameChoosesTheEmulator(t *testing.T) {
	require.ErrorContains(t, run("standins", nil, io.Discard), `"standins" is not the name of an emulator`)
	for _, name := range []string{"pulumi-language-go", "pulumi-resource-random", "pulumi-resource-cloudflare"} {
		require.ErrorContains(t, run(name, []string{"one", "two"}, io.Discard), "the engine's address")
	}
}
