package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// The drill of failovers has settings of its own, which nothing else would try until
// somebody runs it.
func TestSettingsOfTheDrill(t *testing.T) {
	text, err := os.ReadFile("e2e/failoverstack.yaml")
	require.NoError(t, err)
	for _, members := range []int{1, 3} {
		t.Run(fmt.Sprint(members), func(t *testing.T) {
			var sections map[string]any
			require.NoError(t, yaml.Unmarshal(text, &sections))
			shards := sections["scalestack:postgres"].(map[string]any)
			shards["members"] = members
			if members > 1 {
				shards["image"] = "scalestack/postgres:16.2-patroni-4.1.5"
			}
			values := map[string]string{}
			for name, section := range sections {
				value, isText := section.(string)
				if !isText {
					encoded, err := json.Marshal(section)
					require.NoError(t, err)
					value = string(encoded)
				}
				values[name] = value
			}
			g, err := register("dev", values)
			require.NoError(t, err)
			require.NotEmpty(t, g.nodes)
		})
	}
}
