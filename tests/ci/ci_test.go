// Package ci tests the repository's Makefile and scripts by their effect.
package ci

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// in runs a command at the top of the checkout with variables beside the
// caller's own, and returns what it wrote.
func in(t *testing.T, environment []string, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = root
	// A test that runs below make must not pass make's own variables on.
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "MAKE") && !strings.HasPrefix(entry, "MFLAGS") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, environment...)
	output, err := cmd.CombinedOutput()
	return string(output), err
}

// Every target builds with the repository's flags, whether the caller's shell,
// or the command line, has others.
func TestMakeIgnoresTheCallersBuildFlags(t *testing.T) {
	hostile := []string{"GOFLAGS=-mod=mod -tags=other", "GOWORK=/no/such/go.work", "GOOS=plan9", "GOARCH=arm", "CGO_ENABLED=1", "GOEXPERIMENT=other"}
	for _, args := range [][]string{{"probe"}, {"-e", "probe"}, {"probe", "GOFLAGS=-mod=mod", "GOWORK=/no/such/go.work", "CGO_ENABLED=1"}} {
		text, err := in(t, hostile, "make", append([]string{"--no-print-directory", "--eval=probe: ; @env"}, args...)...)
		require.NoError(t, err, text)
		lines := strings.Split(text, "\n")
		for _, want := range []string{"GOFLAGS=-trimpath -buildvcs=false", "GOWORK=off", "CGO_ENABLED=0"} {
			require.Contains(t, lines, want, "%v", args)
		}
		for _, name := range []string{"GOOS=", "GOARCH=", "GOEXPERIMENT="} {
			require.NotContains(t, text, "\n"+name, "%v", args)
		}
	}
}

// Where git refuses to list the files, as in a checkout of another owner,
// nothing was checked.
func TestFmtFailsWhereGitListsNothing(t *testing.T) {
	text, err := in(t, []string{"GIT_DIR=/no/such/repository"}, "make", "fmt")
	require.Error(t, err, text)
}

// A test that no target runs proves nothing.
func TestEveryPackageOfTheLabIsTested(t *testing.T) {
	const tested = "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}"
	selected, err := in(t, nil, "make", "--no-print-directory", "--eval=probe: ; @go list -C lab -f '"+tested+"' $(LAB_TESTS)", "probe")
	require.NoError(t, err, selected)
	all, err := in(t, nil, "make", "--no-print-directory", "--eval=probe: ; @go list -C lab -f '"+tested+"' ./...", "probe")
	require.NoError(t, err, all)
	require.Subset(t, strings.Fields(selected), strings.Fields(all))
}

// make help is complete: every target has a description there.
func TestHelpListsEveryTarget(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	text, err := in(t, nil, "make", "--no-print-directory", "help")
	require.NoError(t, err, text)
	listed := map[string]bool{}
	for _, line := range strings.Split(text, "\n") {
		if fields := strings.Fields(line); len(fields) > 1 {
			listed[fields[0]] = true
		}
	}
	targets := 0
	for _, line := range strings.Split(string(content), "\n") {
		if phony, ok := strings.CutPrefix(line, ".PHONY: "); ok {
			for _, target := range strings.Fields(phony) {
				targets++
				require.True(t, listed[target], "make help does not tell about %s", target)
			}
		}
	}
	require.Equal(t, targets, len(listed), "every target is phony")
}

// The preview of a pull request does not run without the settings that keep
// the deployed shards.
func TestPreviewNeedsThePoliciesSettings(t *testing.T) {
	dir := t.TempDir()
	calls := filepath.Join(dir, "calls")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pulumi"), []byte("#!/bin/sh\necho \"$*\" >>"+calls+"\nexit 7\n"), 0o755))
	empty := filepath.Join(dir, "empty.json")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	path := []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
	for _, args := range [][]string{{"dev", filepath.Join(dir, "out.md")}, {"dev", filepath.Join(dir, "out.md"), empty}, {"dev", filepath.Join(dir, "out.md"), "absent"}} {
		text, err := in(t, path, ".github/preview.sh", args...)
		require.Error(t, err, text)
		require.NoFileExists(t, calls, "pulumi was called without settings: %v", args)
	}
	limits := filepath.Join(dir, "limits.json")
	require.NoError(t, os.WriteFile(limits, []byte("{}"), 0o600))
	text, err := in(t, path, ".github/preview.sh", "dev", filepath.Join(dir, "out.md"), limits)
	require.Error(t, err, "the status is Pulumi's")
	require.Contains(t, text, "failed with status 7")
	called, err := os.ReadFile(calls)
	require.NoError(t, err)
	require.Contains(t, string(called), "--policy-pack-config "+limits)
}

// On a new machine the package lists are empty, and whatever fails, the lab is
// stopped at the end.
func TestRunOnANewMachine(t *testing.T) {
	for name, test := range map[string]struct {
		installed, failing string
		want               []string
		fails              bool
	}{
		"new":      {installed: "1", want: []string{"apt-get update", "apt-get install", "make down", "make test", "make e2e", "make down"}},
		"prepared": {installed: "0", want: []string{"make down", "make test", "make e2e", "make down"}},
		"red":      {installed: "0", failing: "test", fails: true, want: []string{"make down", "make test", "make down"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, program := range []string{"apt-get", "make", "go", "dpkg"} {
				script := "#!/bin/sh\necho " + program + " $1 >>" + dir + "/calls\n[ \"$1\" != \"" + test.failing + "\" ]\n"
				if program == "dpkg" {
					script = "#!/bin/sh\nexit " + test.installed + "\n"
				}
				if program == "apt-get" {
					script = "#!/bin/sh\nfor a; do case $a in update|install) echo apt-get $a >>" + dir + "/calls;; esac; done\n"
				}
				require.NoError(t, os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755))
			}
			text, err := in(t, []string{"PATH=" + dir + ":" + os.Getenv("PATH")}, ".ci/run")
			if os.Geteuid() != 0 {
				require.ErrorContains(t, err, "exit status 1", text)
				require.Contains(t, text, "the lab needs root")
				return
			}
			require.Equal(t, test.fails, err != nil, text)
			calls, err := os.ReadFile(filepath.Join(dir, "calls"))
			require.NoError(t, err)
			require.Equal(t, test.want, strings.Split(strings.TrimSpace(string(calls)), "\n"))
		})
	}
}

// A workflow's pipeline fails where its first command does.
func TestWorkflowsUseAShellWithPipefail(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(content), "run: |") {
			require.Contains(t, string(content), "\ndefaults:\n  run:\n    shell: bash", file)
		}
	}
}

// A token without a team may change every stack of the organization.
func TestEveryAccessNamesItsTeam(t *testing.T) {
	files, err := filepath.Glob(root + "/.github/workflows/*.yml")
	require.NoError(t, err)
	uses := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		n := strings.Count(string(text), "uses: ./.github/actions/access\n")
		require.Equal(t, n, strings.Count(string(text), "\n          team: ${{ vars.PULUMI_TEAM }}\n"), file)
		uses += n
	}
	require.Greater(t, uses, 3)
}
