package tests

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// everyService are variables that the stack gives to any service, whether it reads
// them or not: its name, and the pool that the connection budget counts (a relay
// always has one session with each shard).
var everyService = []string{"SCALESTACK_SERVICE", "SCALESTACK_DB_POOL"}

// What the stack sets, the programs read, under the same names: a misspelt variable
// would leave a program with its default, without a word.
func TestProgramsReadWhatTheStackSets(t *testing.T) {
	read := variablesOfUsers(t)
	each(t, func(t *testing.T, env string, g *graph) {
		checked := 0
		for _, node := range append(g.find(deployment), g.find(job)...) {
			container := "spec.template.spec.containers[0]"
			if !isUsers(at(t, node, container+".image")) {
				continue
			}
			command := at(t, node, container+".args[0]")
			known := read[command]
			require.NotEmpty(t, known, "%s runs users %s", id(node), command)
			for i := 0; ; i++ {
				name := at(t, node, fmt.Sprintf("%s.env[%d].name", container, i))
				if name == "" {
					break
				}
				require.True(t, slices.Contains(known, name) || slices.Contains(everyService, name),
					"%s: users %s reads no %s", id(node), command, name)
			}
			checked++
		}
		require.Equal(t, 6, checked, "five programs and a migration")
	})
}

func isUsers(image string) bool {
	matched, err := filepath.Match("scalestack/users:*", image)
	return err == nil && matched
}

// variablesOfUsers asks the program itself what each of its commands reads.
func variablesOfUsers(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "run", "./cmd/users", "env", "--json")
	cmd.Dir = filepath.Join("..", "services", "users")
	text, err := cmd.Output()
	require.NoError(t, err)
	var commands map[string][]struct{ Name string }
	require.NoError(t, json.Unmarshal(text, &commands))
	names := map[string][]string{}
	for command, variables := range commands {
		for _, variable := range variables {
			names[command] = append(names[command], variable.Name)
		}
	}
	return names
}
