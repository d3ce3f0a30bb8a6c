package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// programs puts scripts of these names first on PATH. Each leaves its arguments in a file.
func programs(t *testing.T, scripts map[string]string) (asked func(name string) string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	for name, script := range scripts {
		text := "#!/bin/sh\necho \"$*\" >>" + filepath.Join(dir, name+".asked") + "\n" + script + "\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700))
	}
	return func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name+".asked"))
		if os.IsNotExist(err) {
			return ""
		}
		require.NoError(t, err)
		return strings.TrimSpace(string(text))
	}
}

const settingsOfShop = `echo '{"scalestack:namespace":{"value":"shop"},"scalestack:kubernetes":{"value":"{}","objectValue":{"context":"second"}}}'`

// Somebody's current context is another cluster's, and the stack's namespace not the default.
func TestWhereTheStacksPodsAre(t *testing.T) {
	asked := programs(t, map[string]string{"pulumi": settingsOfShop, "kubectl": `echo '{"items":[]}'`})
	where, err := target{}.settled(t.Context(), []string{"pulumi", "up", "--yes", "-s", "prod", "--config-file=other.yaml", "--diff", "--cwd", "dir"})
	require.NoError(t, err)
	require.Equal(t, target{"second", "shop"}, where)
	require.Equal(t, "config --json --non-interactive -s prod --config-file=other.yaml --cwd dir", asked("pulumi"))

	seen, err := where.look(t.Context())
	require.NoError(t, err)
	for line := range strings.Lines(asked("kubectl")) {
		require.Contains(t, line, "--namespace shop")
		require.Contains(t, line, "--context second")
	}
	lines, _ := (&watch{}).judge(seen)
	require.Equal(t, []string{"namespace shop has no pods"}, lines)
}

func TestTheStackIsNamedInEveryWay(t *testing.T) {
	for _, flags := range []string{"-s prod", "-sprod", "--stack prod", "--stack=prod", "-Cdir -sprod"} {
		args := strings.Fields(flags)
		require.Equal(t, args, stackOf(append(append([]string{"up"}, args...), "--yes", "-f")))
	}
}

func TestFlagsSayOtherwise(t *testing.T) {
	asked := programs(t, map[string]string{"pulumi": settingsOfShop})
	where, err := target{namespace: "mine"}.settled(t.Context(), []string{"pulumi", "up"})
	require.NoError(t, err)
	require.Equal(t, target{"second", "mine"}, where)
	where, err = target{"first", "mine"}.settled(t.Context(), []string{"pulumi", "up"})
	require.NoError(t, err)
	require.Equal(t, target{"first", "mine"}, where)
	require.Equal(t, "config --json --non-interactive", asked("pulumi"), "nobody is asked for what is known")
}

func TestWhatHasNoSettings(t *testing.T) {
	asked := programs(t, map[string]string{"pulumi": `echo '{}'`})
	for _, deployment := range [][]string{{"pulumi", "up"}, {"./deploy.sh", "--stack", "prod"}} {
		where, err := target{}.settled(t.Context(), deployment)
		require.NoError(t, err)
		require.Equal(t, target{"", "scalestack"}, where)
	}
	require.Equal(t, "config --json --non-interactive", asked("pulumi"))

	programs(t, map[string]string{"pulumi": "echo no stack named prod >&2; exit 255"})
	_, err := target{}.settled(t.Context(), []string{"pulumi", "up", "--stack", "prod"})
	require.EqualError(t, err, "cannot read the stack's settings, so --context and --namespace have to say where its pods are: no stack named prod")
}
