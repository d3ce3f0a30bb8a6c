//go:build registry

package crds

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGenerate fetches and runs the real generator; Generate itself checks the result against the release's.
func TestGenerate(t *testing.T) {
	var log bytes.Buffer
	opts := Options{CacheDir: t.TempDir(), OutDir: t.TempDir(), Log: &log}
	for _, want := range []string{"generated", "up to date"} {
		log.Reset()
		_, err := Generate(context.Background(), opts)
		require.NoError(t, err)
		require.Contains(t, log.String(), want)
		t.Log(log.String())
	}
}
