//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// ownStack is a stack of the program beside dev, in the namespace of its name.
type ownStack struct {
	*testing.T
	name, config string
}

// newOwnStack makes a stack with the settings of a file, and removes it, its namespace and its volumes when the test ends.
// KEEP leaves them.
func newOwnStack(t *testing.T, name, settings string) ownStack {
	t.Helper()
	s := ownStackOf(t, name)
	if _, err := os.Stat(s.config); err == nil {
		t.Logf("an earlier run has left %s: %v", s.config, s.remove())
	}
	t.Cleanup(func() {
		if os.Getenv("KEEP") == "" {
			require.NoError(t, s.remove())
		}
	})
	s.init(settings)
	return s
}

// ownStackOf is the stack that the test's helpers are about until it ends.
func ownStackOf(t *testing.T, name string) ownStack {
	t.Helper()
	// A stack other than dev must not have dev's passphrase, which is public.
	t.Setenv("PULUMI_CONFIG_PASSPHRASE", name)
	before := stackName
	stackName = name
	t.Cleanup(func() { stackName = before })
	file, err := filepath.Abs(filepath.Join(repo, "Pulumi."+name+".yaml"))
	require.NoError(t, err)
	return ownStack{t, name, file}
}

func (s ownStack) init(settings string) {
	s.Helper()
	command(s.T, "pulumi", "stack", "init", s.name, "--no-select", "--non-interactive")
	salt, err := os.ReadFile(s.config)
	require.NoError(s, err)
	text, err := os.ReadFile(settings)
	require.NoError(s, err)
	require.NoError(s, os.WriteFile(s.config, append(append(salt, "config:\n"...), text...), 0o600))
}

func (s ownStack) pulumi(args ...string) {
	s.Helper()
	pulumi(s.T, append(args, "--config-file", s.config)...)
}

func (s ownStack) deploy() {
	s.Helper()
	s.pulumi("up", "--yes", "--skip-preview")
}

// set changes settings, by their paths.
func (s ownStack) set(settings map[string]string) {
	s.Helper()
	for path, value := range settings {
		s.pulumi("config", "set", "--path", path, value)
	}
}

// remove does all of it, whatever fails.
func (s ownStack) remove() (errs error) {
	for _, args := range [][]string{
		{"pulumi", "destroy", "--yes", "--skip-preview", "--stack", s.name, "--non-interactive", "--config-file", s.config},
		{"kubectl", "delete", "namespace", s.name, "--ignore-not-found", "--timeout=120s"},
		{"pulumi", "stack", "rm", s.name, "--yes", "--force", "--non-interactive"},
	} {
		if text, err := try(s.T, args[0], args[1:]...); err != nil {
			errs = errors.Join(errs, fmt.Errorf("%s: %w: %s", args[:2], err, text))
		}
	}
	if err := os.Remove(s.config); !errors.Is(err, fs.ErrNotExist) {
		errs = errors.Join(errs, err)
	}
	return errs
}
