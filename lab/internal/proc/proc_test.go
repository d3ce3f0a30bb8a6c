package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sleeper is a process that the test may start, restart and stop.
func sleeper(t *testing.T, args ...string) Spec {
	t.Helper()
	s := Spec{Name: "test-" + filepath.Base(t.TempDir()) + t.Name(), Path: "/bin/sleep", Args: args, Home: t.TempDir(), Log: filepath.Join(t.TempDir(), "log")}
	t.Cleanup(func() { require.NoError(t, Stop(context.Background(), 5*time.Second, s.Name)) })
	return s
}

func ensure(t *testing.T, s Spec) (started bool) {
	t.Helper()
	started, err := Ensure(t.Context(), s)
	require.NoError(t, err)
	return started
}

func running(s Spec) []process {
	return find(func(p process) bool { return p.name == s.Name && p.leader })
}

func TestEnsureStartsOnce(t *testing.T) {
	s := sleeper(t, "60")
	require.True(t, ensure(t, s))
	first := running(s)
	require.Len(t, first, 1)
	require.False(t, ensure(t, s), "it runs as specified")
	require.Equal(t, first, running(s))
}

func TestEnsureRestartsWhatChanged(t *testing.T) {
	s := sleeper(t, "60")
	ensure(t, s)
	before := running(s)
	s.Args = []string{"61"}
	require.True(t, ensure(t, s))
	after := running(s)
	require.Len(t, after, 1)
	require.NotEqual(t, before[0].pid, after[0].pid)
}

func TestEnsureRestartsOnChangedFile(t *testing.T) {
	s := sleeper(t, "60")
	s.Files = []string{filepath.Join(t.TempDir(), "config")}
	require.NoError(t, os.WriteFile(s.Files[0], []byte("one"), 0o600))
	ensure(t, s)
	require.NoError(t, os.WriteFile(s.Files[0], []byte("two"), 0o600))
	require.True(t, ensure(t, s))
}

func TestEnsureNeedsItsFiles(t *testing.T) {
	s := sleeper(t, "60")
	s.Files = []string{filepath.Join(t.TempDir(), "absent")}
	_, err := Ensure(t.Context(), s)
	require.ErrorContains(t, err, "no such file")
}

func TestStopKillsWhatDoesNotEnd(t *testing.T) {
	s := sleeper(t)
	s.Path, s.Args = "/bin/sh", []string{"-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"}
	ensure(t, s)
	deadline := time.Now().Add(10 * time.Second)
	for content := ""; content == ""; {
		require.True(t, time.Now().Before(deadline), "the shell never set its trap")
		read, err := os.ReadFile(s.Log)
		require.NoError(t, err)
		content = string(read)
	}
	require.NoError(t, Stop(t.Context(), 100*time.Millisecond, s.Name))
	require.Empty(t, running(s))
}

func TestStopOfNothingIsFine(t *testing.T) {
	require.NoError(t, Stop(t.Context(), time.Second, "nobody has this name"))
}

func TestStartTellsWhatIsMissing(t *testing.T) {
	s := sleeper(t)
	s.Path = "/no/such/program"
	_, err := Ensure(t.Context(), s)
	require.ErrorContains(t, err, "start "+s.Name)
}

// A lock that the caller holds ends with the caller.
func TestProcessInheritsNoFiles(t *testing.T) {
	held, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	require.NoError(t, err)
	defer held.Close()
	inherited, err := syscall.Dup(int(held.Fd()))
	require.NoError(t, err)
	defer syscall.Close(inherited)
	s := sleeper(t, "60")
	ensure(t, s)
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", running(s)[0].pid))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		target, err := os.Readlink(file)
		require.NoError(t, err)
		require.NotEqual(t, held.Name(), target)
	}
}

func TestWatchEndsTheWorkWithAProcess(t *testing.T) {
	s := sleeper(t, "-c", "echo 'no more of it' >&2; sleep 2")
	s.Path = "/bin/sh"
	ensure(t, s)
	began := time.Now()
	err := Watch(t.Context(), func(ctx context.Context) error {
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
		}
		return ctx.Err()
	})
	require.ErrorContains(t, err, s.Name+" has ended by itself: no more of it\n")
	require.ErrorContains(t, err, s.Log)
	require.Less(t, time.Since(began), 30*time.Second)
}

func TestWatchLeavesTheWorkAlone(t *testing.T) {
	ensure(t, sleeper(t, "60"))
	require.NoError(t, Watch(t.Context(), func(ctx context.Context) error { return ctx.Err() }))
	failed := errors.New("its own error")
	require.Equal(t, failed, Watch(t.Context(), func(context.Context) error { return failed }))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, context.Canceled, Watch(ctx, func(ctx context.Context) error { return ctx.Err() }))
}
