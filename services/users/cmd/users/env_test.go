package main

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEnvListsWhatIsRead sets every listed variable to a value that no setting
// takes, and expects the command to complain of each that has a rule.
func TestEnvListsWhatIsRead(t *testing.T) {
	out, err := execute(t, "env", "--json")
	require.NoError(t, err)
	var all map[string][]struct{ Name, Default, Allowed, Doc string }
	require.NoError(t, json.Unmarshal([]byte(out), &all))
	require.Equal(t, []string{"analytics", "ask", "email", "invalidate", "migrate", "relay", "serve"}, slices.Sorted(maps.Keys(all)))
	for command, fields := range all {
		t.Run(command, func(t *testing.T) {
			var want []string
			for _, f := range fields {
				require.NotEmpty(t, f.Doc, f.Name)
				t.Setenv(f.Name, "?")
				if f.Allowed != "any string" {
					want = append(want, f.Name)
				}
			}
			args := []string{command}
			if command == "ask" {
				args = append(args, "count")
			}
			_, err := execute(t, args...)
			require.Error(t, err)
			for _, name := range want {
				require.ErrorContains(t, err, name+": ")
			}
			for _, f := range fields {
				require.NoError(t, os.Unsetenv(f.Name))
			}
		})
	}
}
