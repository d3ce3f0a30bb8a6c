package stack

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// kept is echo, and keeps the inputs of what is registered by type and name.
type kept struct {
	echo
	mu     sync.Mutex
	inputs map[string]map[string]any
}

func (k *kept) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	k.mu.Lock()
	k.inputs[args.TypeToken+" "+args.Inputs["metadata"].String()] = args.Inputs.Mappable()
	k.mu.Unlock()
	return k.echo.NewResource(args)
}

// of returns the object of a type whose metadata name it.
func (k *kept) of(t *testing.T, kind, name string) string {
	t.Helper()
	for key, inputs := range k.inputs {
		metadata, _ := inputs["metadata"].(map[string]any)
		if strings.Contains(key, kind) && metadata["name"] == name {
			content, err := json.Marshal(inputs)
			require.NoError(t, err)
			return string(content)
		}
	}
	require.Fail(t, "no "+kind+" "+name)
	return ""
}

// What docs/traces.md says turns traces on does: the variables arrive in the pod, and
// its network policy lets it reach the collector.
func TestTheDocumentedLinesTurnTracesOn(t *testing.T) {
	content, err := os.ReadFile("../docs/traces.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(content), "```yaml\n")
	block, _, found := strings.Cut(rest, "```")
	require.True(t, found)
	var documented struct {
		Services map[string]map[string]any `yaml:"scalestack:services"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(block), &documented))
	users := documented.Services["users"]
	require.Len(t, users, 2, "env and egressTo")
	users["image"] = "a:1"
	services, err := json.Marshal(documented.Services)
	require.NoError(t, err)
	c, err := load(t, map[string]string{"scalestack:services": string(services)})
	require.NoError(t, err)

	k := &kept{inputs: map[string]map[string]any{}}
	require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
		_, err := deploy(ctx, c)
		return err
	}, pulumi.WithMocks(project, "test", k)))
	pods := k.of(t, ":Deployment ", "users")
	for name, value := range map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.monitoring:4318",
		"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"} {
		require.Contains(t, pods, `{"name":"`+name+`","value":"`+value+`"}`)
	}
	policy := k.of(t, ":NetworkPolicy ", "users")
	require.Contains(t, policy, `{"ports":[{"port":4318,"protocol":"TCP"}],"to":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"monitoring"}},`+
		`"podSelector":{"matchLabels":{"app.kubernetes.io/name":"opentelemetry-collector"}}}]}`)
}
