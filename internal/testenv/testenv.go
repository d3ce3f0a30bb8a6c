// Package testenv keeps the caller's environment out of tests. A platform engineer's
// shell names clusters, backends and tokens. The Pulumi SDKs take defaults from them,
// so a test that sees them fails only on that machine.
package testenv

import (
	"os"
	"strings"
	"testing"
)

// foreign begin the names of variables that a program or an SDK reads.
var foreign = []string{"KUBE", "HELM_", "PULUMI_", "CLOUDFLARE_", "SCALESTACK_"}

// ours begin the names of those that steer the tests themselves.
var ours = []string{"SCALESTACK_TEST_", "SCALESTACK_MEASURE_"}

// Main runs a package's tests without the caller's variables:
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
func Main(m *testing.M) {
	if err := Clean(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// Temporary runs a package's tests with a folder for temporary files that is removed after
// them: Pulumi's Kubernetes provider leaves copies of the kubeconfig there.
//
//	func TestMain(m *testing.M) { os.Exit(testenv.Temporary(m)) }
func Temporary(m *testing.M) (code int) {
	folder, err := os.MkdirTemp("", "scalestack-")
	if err == nil {
		err = os.Setenv("TMPDIR", folder)
	}
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	return m.Run()
}

// Clean removes the variables from this process. A test sets those that it
// needs with t.Setenv.
func Clean() error {
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if begins(name, foreign) && !begins(name, ours) {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func begins(name string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
