package host

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheMachinesSettingsComeBack(t *testing.T) {
	run, file := t.TempDir(), filepath.Join(t.TempDir(), "forward")
	s := setting{file, "1"}
	require.NoError(t, s.set(run), "a kernel without it")
	require.NoFileExists(t, file)
	require.NoError(t, s.restore(run))

	require.NoError(t, os.WriteFile(file, []byte("0\n"), 0o600))
	for range 2 {
		require.NoError(t, s.set(run))
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, "1", string(content))
	}
	require.NoError(t, s.restore(run))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "0", string(content))
}
