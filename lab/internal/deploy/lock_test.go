package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

// locked is a lab whose stack is locked by a process of a host.
func locked(t *testing.T, pid int, hostname string) (paths.Paths, string) {
	t.Helper()
	p := paths.Paths{Repo: t.TempDir(), Home: t.TempDir()}
	file := filepath.Join(p.Data("pulumi"), ".pulumi", "locks", "organization", "scalestack", Stack, "0a1b.json")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	content := fmt.Sprintf(`{"pid":%d,"username":"ada","hostname":%q,"timestamp":"2026-11-27T10:00:00Z"}`, pid, hostname)
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return p, file
}

func thisHost(t *testing.T) string {
	t.Helper()
	name, err := os.Hostname()
	require.NoError(t, err)
	return name
}

// program starts a copy of sleep under another name and returns its number.
func program(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	sleep, err := exec.LookPath("sleep")
	require.NoError(t, err)
	content, err := os.ReadFile(sleep)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o755))
	cmd := exec.Command(path, "60")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

// Up must not end somebody's running update by taking the lock away from it.
func TestUpRefusesAStackThatSomebodyWorksOn(t *testing.T) {
	other := program(t, "pulumi")
	p, file := locked(t, other.Process.Pid, thisHost(t))
	calls := fakePulumi(t, p)
	for name, run := range map[string]func() error{
		"up":      func() error { return Up(t.Context(), p, nil, &strings.Builder{}) },
		"destroy": func() error { return Destroy(t.Context(), p, &strings.Builder{}) },
	} {
		require.ErrorContains(t, run(), fmt.Sprintf("stack dev is locked: pulumi process %d of ada is working on it since", other.Process.Pid), name)
	}
	require.FileExists(t, file)
	require.NotContains(t, calls(), "cancel")
	require.NotContains(t, calls(), "up --yes")
	require.NotContains(t, calls(), "destroy")
}

func TestUpTakesOverTheLockOfAKilledRun(t *testing.T) {
	for name, pid := range map[string]func() int{
		"ended":              func() int { cmd := program(t, "pulumi"); cmd.Process.Kill(); cmd.Wait(); return cmd.Process.Pid },
		"zombie":             func() int { cmd := program(t, "pulumi"); return killed(t, cmd) },
		"of another program": func() int { return program(t, "postgres").Process.Pid },
	} {
		t.Run(name, func(t *testing.T) {
			p, file := locked(t, pid(), thisHost(t))
			calls, log := fakePulumi(t, p), &strings.Builder{}
			require.NoError(t, Up(t.Context(), p, nil, log))
			require.NoFileExists(t, file)
			require.Contains(t, log.String(), "removing the lock of pulumi process")
			require.Contains(t, calls(), "up --yes")
		})
	}
}

// killed leaves the process as a zombie: nobody has waited for it yet.
func killed(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	require.NoError(t, cmd.Process.Kill())
	require.Eventually(t, func() bool {
		content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "stat"))
		return err == nil && strings.Contains(string(content), ") Z ")
	}, 10*time.Second, 10*time.Millisecond)
	return cmd.Process.Pid
}

// What cannot be told is not taken for dead.
func TestUpRefusesALockThatItCannotJudge(t *testing.T) {
	p, file := locked(t, 1<<30, "another-machine")
	require.ErrorContains(t, releaseStaleLocks(p, os.Stderr), "of ada@another-machine")
	require.FileExists(t, file)

	for _, content := range []string{"", "{}", "not JSON", `{"pid":-1,"hostname":"h"}`} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		require.ErrorContains(t, releaseStaleLocks(p, os.Stderr), "does not say which process", "%q", content)
		require.FileExists(t, file)
	}
}

// fakePulumi writes down what it is called with.
func fakePulumi(t *testing.T, p paths.Paths) (calls func() string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(p.Bin("pulumi")), 0o755))
	require.NoError(t, os.MkdirAll(p.Config(""), 0o755))
	record := filepath.Join(t.TempDir(), "calls")
	require.NoError(t, os.WriteFile(p.Bin("pulumi"), []byte("#!/bin/sh\necho \"$*\" >>'"+record+"'\n"), 0o755))
	return func() string {
		content, _ := os.ReadFile(record)
		return string(content)
	}
}
