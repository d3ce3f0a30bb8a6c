package stamp

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

func of(t *testing.T, dir string) string {
	t.Helper()
	sum, err := Of(dir, ".go")
	require.NoError(t, err)
	return sum
}

func TestOfFollowsSourcesOnly(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/a.go", "one")
	first := of(t, dir)
	write(t, dir, "a/a_test.go", "a test")
	write(t, dir, "a/notes.md", "prose")
	require.Equal(t, first, of(t, dir))
	write(t, dir, "a/a.go", "two")
	require.NotEqual(t, first, of(t, dir))
}

func TestOfTellsNamesApart(t *testing.T) {
	one, other := t.TempDir(), t.TempDir()
	write(t, one, "a.go", "same")
	write(t, other, "b.go", "same")
	require.NotEqual(t, of(t, one), of(t, other))
}

func TestUnlessWorksOncePerInput(t *testing.T) {
	target := filepath.Join(t.TempDir(), "out", "result")
	runs := 0
	make := func(inputs string) {
		t.Helper()
		require.NoError(t, Unless(target, inputs, func() error { runs++; return os.WriteFile(target, nil, 0o600) }))
	}
	make("one")
	make("one")
	require.Equal(t, 1, runs)
	make("two")
	require.Equal(t, 2, runs)
	require.NoError(t, os.Remove(target))
	make("two")
	require.Equal(t, 3, runs, "a stamp without its result counts for nothing")
}

func TestUnlessForgetsAFailedRun(t *testing.T) {
	target := filepath.Join(t.TempDir(), "result")
	write(t, filepath.Dir(target), "result", "old")
	fail := errors.New("cut short")
	require.ErrorIs(t, Unless(target, "new", func() error { return fail }), fail)
	ran := false
	require.NoError(t, Unless(target, "new", func() error { ran = true; return nil }))
	require.True(t, ran)
}
