package traefik

import (
	"archive/zip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExtractReplacesTheProgram(t *testing.T) {
	archive, target := filepath.Join(t.TempDir(), "a.whl"), filepath.Join(t.TempDir(), Name)
	file, err := os.Create(archive)
	require.NoError(t, err)
	w := zip.NewWriter(file)
	content, err := w.Create("data/scripts/traefik")
	require.NoError(t, err)
	_, err = content.Write([]byte("#!/bin/sh\n"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, file.Close())
	require.NoError(t, os.WriteFile(target, []byte("an older one, which is longer"), 0o755))
	require.NoError(t, extract(archive, "data/scripts/traefik", target))
	text, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "#!/bin/sh\n", string(text))
	info, err := os.Stat(target)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), info.Mode().Perm())
	require.ErrorContains(t, extract(archive, "none", target), "none")
}
