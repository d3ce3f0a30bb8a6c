package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/capacity"
)

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := command()
	c.SetArgs(args)
	c.SetOut(&out)
	err := c.Execute()
	return out.String(), err
}

func TestOtherConstants(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"constants": {"redisReads": 10}}`), 0o600))
	out, err := run(t, "--users", "1000000", "--input", file)
	require.NoError(t, err)
	require.Contains(t, out, "| users | 1 m |")
	require.Contains(t, out, "servers of the cache (8.69 ×)")

	require.NoError(t, os.WriteFile(file, []byte(`{"constants": {"redis": 100}}`), 0o600))
	_, err = run(t, "--input", file)
	require.ErrorContains(t, err, `unknown field "redis"`)
	_, err = run(t, "--users", "0,-1")
	require.ErrorContains(t, err, "workload.users: 0 must be above 0")
}

func TestDefaultsAreAnInput(t *testing.T) {
	out, err := run(t, "--defaults", "--users", "7")
	require.NoError(t, err)
	var in capacity.Input
	require.NoError(t, json.Unmarshal([]byte(out), &in))
	require.Equal(t, capacity.Defaults(7), in)
}
