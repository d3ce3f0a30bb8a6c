package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	list  = `[{"name":"other"},{"name":"acme/scalestack/prod","lastUpdate":"2026-11-27T10:00:00.000Z","resourceCount":90}]`
	fresh = `[{"name":"prod"}]`
	empty = `{"version":3,"deployment":{"resources":[{"type":"pulumi:pulumi:Stack","urn":"urn:stack"}]}}`
)

// state has these StatefulSets, and the outputs of a refresh with a program that has none.
func state(sets ...string) string {
	text := `{"version":3,"deployment":{"resources":[{"type":"pulumi:pulumi:Stack","urn":"urn:stack","outputs":{"shards":[]}}`
	for _, set := range sets {
		name, drained, _ := strings.Cut(set, " ")
		annotations := "{}"
		if drained != "" {
			annotations = `{"scalestack/drained":"true"}`
		}
		text += `,{"type":"kubernetes:apps/v1:StatefulSet","urn":"urn:` + name + `","inputs":{"metadata":{"name":"` + name + `","annotations":` + annotations + `}}}`
	}
	return text + "]}}"
}

// TestMain lets a test run this binary as the command itself.
func TestMain(m *testing.M) {
	if os.Getenv("KEPTSHARDS_TEST_STACK") != "" {
		os.Args = []string{"keptshards", os.Getenv("KEPTSHARDS_TEST_STACK")}
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// run calls the command with a pulumi that answers as given. An answer of "" is
// a failure with a message, as for a refused token.
func run(t *testing.T, answers map[string]string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, answer := range answers {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(answer), 0o600))
	}
	script := "#!/bin/sh\necho \"$*\" >>" + dir + "/calls\nif [ -s " + dir + "/$2 ]; then cat " + dir + "/$2; else echo 'error: [401] Unauthorized' >&2; exit 255; fi\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pulumi"), []byte(script), 0o755))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "KEPTSHARDS_TEST_STACK=acme/scalestack/prod")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
	require.Contains(t, string(calls), "stack ls --json --organization acme --project scalestack --non-interactive")
	t.Log(stderr.String())
	return string(text), err
}

func TestDeployedShards(t *testing.T) {
	for name, test := range map[string]struct {
		answers map[string]string
		want    string
	}{
		"two shards, one of them drained": {map[string]string{"ls": list, "export": state("postgres-shard-0", "postgres-shard-1 drained")}, `{"deployed":["shard-0","shard-1"],"drained":["shard-1"]}`},
		"shards of three members": {map[string]string{"ls": list, "export": state("postgres-shard-0", "postgres-shard-0-m1", "postgres-shard-0-m2", "postgres-shard-12 drained", "postgres-shard-12-m1 drained")},
			`{"deployed":["shard-0","shard-12"],"drained":["shard-12"]}`},
		"no stack in the backend":        {map[string]string{"ls": "[]"}, `{"deployed":[],"drained":[]}`},
		"a stack without resources":      {map[string]string{"ls": list, "export": `{"deployment":{}}`}, `{"deployed":[],"drained":[]}`},
		"a stack that was never updated": {map[string]string{"ls": fresh, "export": `{"version":3,"deployment":null}`}, `{"deployed":[],"drained":[]}`},
		"a first update that failed":     {map[string]string{"ls": list, "export": state("postgres-shard-0")}, `{"deployed":["shard-0"],"drained":[]}`},
		"a stack without a database":     {map[string]string{"ls": list, "export": empty}, `{"deployed":[],"drained":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := run(t, test.answers)
			require.NoError(t, err)
			require.JSONEq(t, `{"shards-kept":`+test.want+`}`, text)
		})
	}
}

// Whatever goes wrong, the policy must not be switched off by it.
func TestFailsClosed(t *testing.T) {
	for name, answers := range map[string]map[string]string{
		"the backend refuses the list":      {},
		"the list is cut off":               {"ls": `[{"name":"prod"`},
		"the list is null":                  {"ls": "null"},
		"the list is an error page":         {"ls": "<html>"},
		"the backend refuses the state":     {"ls": list},
		"the state is null":                 {"ls": list, "export": "null"},
		"the state is of another form":      {"ls": list, "export": "{}"},
		"a server that nothing tells about": {"ls": list, "export": state("queue")},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := run(t, answers)
			require.Error(t, err)
			require.Empty(t, text, "a partial answer could be taken for settings")
		})
	}
}

func TestStackNames(t *testing.T) {
	var asked []string
	call := func(_ context.Context, args ...string) ([]byte, error) {
		asked = args
		return json.Marshal([]any{})
	}
	_, err := read(t.Context(), "dev", call)
	require.NoError(t, err)
	require.Equal(t, []string{"stack", "ls", "--json"}, asked)
	for _, name := range []string{"", "/scalestack/prod", "acme//prod", "acme/prod", "a/b/c/d"} {
		_, err := read(t.Context(), name, call)
		require.ErrorContains(t, err, "expected STACK or", "%q", name)
	}
}
