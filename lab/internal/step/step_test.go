package step

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func newRunner(t *testing.T) (*Runner, *strings.Builder) {
	t.Helper()
	dir, out := t.TempDir(), &strings.Builder{}
	return &Runner{Out: out, LogOf: func(name string) string { return filepath.Join(dir, "logs", name+".log") }}, out
}

func TestDoTellsWhatWasDone(t *testing.T) {
	r, out := newRunner(t)
	err := r.Do(t.Context(), "one", "first step", func(_ context.Context, log *Log) error {
		log.Note("%d packages", 3)
		return nil
	})
	require.NoError(t, err)
	require.Regexp(t, `^✓  1  first step +\d+m?s  3 packages\n$`, out.String())
}

func TestDoShowsTheEndOfAFailedLog(t *testing.T) {
	r, out := newRunner(t)
	cause := errors.New("exit status 2")
	err := r.Do(t.Context(), "build", "build it", func(_ context.Context, log *Log) error {
		for i := range 100 {
			fmt.Fprintf(log, "line %d\n", i)
		}
		return cause
	})
	require.ErrorIs(t, err, cause)
	require.Contains(t, out.String(), "✗  1  build it")
	require.Contains(t, out.String(), "| line 99\n")
	require.Contains(t, out.String(), "exit status 2")
	require.NotContains(t, out.String(), "line 74\n", "only the end")
}

func TestTimesOfEachStep(t *testing.T) {
	r, out := newRunner(t)
	for _, title := range []string{"first step", "second step"} {
		require.NoError(t, r.Do(t.Context(), title, title, func(context.Context, *Log) error { return nil }))
	}
	out.Reset()
	r.Times()
	require.Regexp(t, `^  first step +\d+m?s\n  second step +\d+m?s\n$`, out.String())
}
