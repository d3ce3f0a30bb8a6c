// Package testenv keeps the caller's settings out of tests: the shell of somebody who
// works with a running stack has the programs' variables set.
package testenv

import (
	"os"
	"strings"
	"testing"
)

// Main runs a package's tests without the variables SCALESTACK_* and OTEL_*, except
// those that control the tests themselves:
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
func Main(m *testing.M) {
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		steers := strings.HasPrefix(name, "SCALESTACK_TEST_") || strings.HasPrefix(name, "SCALESTACK_MEASURE_")
		if (strings.HasPrefix(name, "SCALESTACK_") || strings.HasPrefix(name, "OTEL_")) && !steers {
			if err := os.Unsetenv(name); err != nil {
				panic(err)
			}
		}
	}
	os.Exit(m.Run())
}
