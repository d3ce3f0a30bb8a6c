package pip

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What lies in the cache is held against the hash each time.
func TestTheCacheIsVerified(t *testing.T) {
	dir := t.TempDir()
	sum := sha256.Sum256([]byte("wheel"))
	p := Package{Name: "some", Version: "1.2", SHA256: hex.EncodeToString(sum[:])}
	file := filepath.Join(dir, "some-1.2.whl")
	require.NoError(t, os.WriteFile(file, []byte("wheel"), 0o600))
	found, err := Fetch(t.Context(), dir, dir, p)
	require.NoError(t, err)
	require.Equal(t, file, found)
	require.NoError(t, os.WriteFile(file, []byte("other"), 0o600))
	_, err = Fetch(t.Context(), dir, dir, p)
	require.ErrorContains(t, err, "not the published "+p.SHA256)
}

// pip gets the hash, and one file may come of it.
func TestFetchAsksForTheHash(t *testing.T) {
	bin, dir := t.TempDir(), t.TempDir()
	script := `while [ "$1" != --dest ]; do shift; done; echo wheel >"$2/a.whl"; grep -q -- "some==1.2 --hash=sha256:00" "$4"`
	require.NoError(t, os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	file, err := Fetch(t.Context(), dir, filepath.Join(dir, "tmp"), Package{Name: "some", Version: "1.2", SHA256: "00"})
	require.NoError(t, err)
	require.FileExists(t, file)
	_, err = Fetch(t.Context(), t.TempDir(), filepath.Join(dir, "tmp"), Package{Name: "some", Version: "1.2", SHA256: "11"})
	require.ErrorContains(t, err, "python3: exit status 1")
}
