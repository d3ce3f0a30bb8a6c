package upbench

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestObjectsAreWhatTheProgramDescribed(t *testing.T) {
	var state State
	require.NoError(t, json.Unmarshal([]byte(`{"deployment": {"resources": [
		{"urn": "stack", "type": "pulumi:pulumi:Stack", "inputs": {"a": 1}},
		{"urn": "provider", "type": "pulumi:providers:kubernetes", "custom": true, "inputs": {"context": "c"}},
		{"urn": "component", "type": "kubernetes:helm.sh/v4:Chart", "inputs": {"chart": "c"}},
		{"urn": "secret", "type": "kubernetes:core/v1:Secret", "custom": true, "inputs": {"kind": "Secret", "__fieldManager": "m",
			"stringData": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": "{\"password\": \"p\"}"}}},
		{"urn": "map", "type": "kubernetes:core/v1:ConfigMap", "custom": true, "inputs": {"kind": "ConfigMap", "list": [{"a": true}]}}
	]}}`), &state))
	text, count, err := state.Objects()
	require.NoError(t, err)
	require.Equal(t, 2, count)
	require.JSONEq(t, `{"apiVersion": "v1", "kind": "List", "items": [
		{"kind": "Secret", "stringData": {"password": "p"}}, {"kind": "ConfigMap", "list": [{"a": true}]}]}`, string(text))
}

// A value that kubectl would not get as the provider got it is refused.
func TestObjectsRefuseWhatIsNotPlain(t *testing.T) {
	for _, inputs := range []string{
		`{"data": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}}`,
		`{"data": [{"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", "text": "an asset"}]}`,
		`{"data": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": "{"}}`,
	} {
		var state State
		state.Deployment.Resources = []Resource{{URN: "urn:one", Type: "kubernetes:core/v1:Secret", Custom: true}}
		require.NoError(t, json.Unmarshal([]byte(inputs), &state.Deployment.Resources[0].Inputs))
		_, _, err := state.Objects()
		require.ErrorContains(t, err, "urn:one", inputs)
	}
}

const log = `{"timestamp": 9, "preludeEvent": {}}
{"timestamp": 10, "resourcePreEvent": {"metadata": {"urn": "urn::ns", "type": "Namespace", "new": {"custom": true}}}}
{"timestamp": 10, "resourcePreEvent": {"metadata": {"urn": "urn::part", "type": "Component", "new": {}}}}
{"timestamp": 11, "resOutputsEvent": {"metadata": {"urn": "urn::ns", "type": "Namespace", "new": {"custom": true}}}}
{"timestamp": 11, "resourcePreEvent": {"metadata": {"urn": "urn::a", "type": "Set", "new": {"custom": true}}}}
{"timestamp": 11, "resourcePreEvent": {"metadata": {"urn": "urn::b", "type": "Set", "new": {"custom": true}}}}
{"timestamp": 13, "resOutputsEvent": {"metadata": {"urn": "urn::a", "type": "Set", "new": {"custom": true}}}}
{"timestamp": 16, "resOutputsEvent": {"metadata": {"urn": "urn::b", "type": "Set", "new": {"custom": true}}}}
{"timestamp": 16, "resourcePreEvent": {"metadata": {"urn": "urn::job", "type": "Job", "new": {"custom": true}}}}
{"timestamp": 18, "resOutputsEvent": {"metadata": {"urn": "urn::job", "type": "Job", "new": {"custom": true}}}}
{"timestamp": 19, "resOutputsEvent": {"metadata": {"urn": "urn::part", "type": "Component", "new": {}}}}
`

func TestStepsAreThoseOfTheLog(t *testing.T) {
	steps, err := Steps(strings.NewReader(log))
	require.NoError(t, err)
	require.Equal(t, []Kind{{"Set", 2, 7, 5}, {"Job", 1, 2, 2}, {"Namespace", 1, 1, 1}}, Kinds(steps))
	var state State
	state.Deployment.Resources = []Resource{
		{URN: "urn::ns"}, {URN: "urn::a", Dependencies: []string{"urn::ns"}}, {URN: "urn::b", Dependencies: []string{"urn::part", "urn::ns"}},
		{URN: "urn::job", Dependencies: []string{"urn::a", "urn::b"}},
	}
	var names []string
	for _, step := range state.Path(steps) {
		names = append(names, step.Name())
	}
	require.Equal(t, []string{"ns", "b", "job"}, names)
	_, err = Steps(strings.NewReader(log + `{"timestamp": "cut`))
	require.Error(t, err)
}

func TestChangesCountAReplacementOnce(t *testing.T) {
	var plan Plan
	require.NoError(t, json.Unmarshal([]byte(`{"steps": [
		{"op": "same", "newState": {"type": "kubernetes:core/v1:Secret"}},
		{"op": "update", "newState": {"type": "kubernetes:core/v1:ConfigMap"}}, {"op": "update", "newState": {"type": "kubernetes:core/v1:ConfigMap"}},
		{"op": "delete-replaced", "oldState": {"type": "kubernetes:batch/v1:Job"}}, {"op": "replace", "newState": {"type": "kubernetes:batch/v1:Job"}},
		{"op": "create-replacement", "newState": {"type": "kubernetes:batch/v1:Job"}}, {"op": "delete", "oldState": {"type": "kubernetes:core/v1:Secret"}}
	]}`), &plan))
	require.Equal(t, []string{"delete 1 Secret", "replace 1 Job", "update 2 ConfigMap"}, plan.Changes())
}

func TestUnreadyCountsWhatIsNotYet(t *testing.T) {
	unready, err := Unready(`StatefulSet   shard-0   1        1        <none>
StatefulSet   shard-1   1        <none>   <none>
Deployment    app       2        1        <none>
Deployment    redis     1        1        <none>
Job           gate      <none>   <none>   1
Job           migrate   <none>   <none>   <none>
`)
	require.NoError(t, err)
	require.Equal(t, 3, unready)
	_, err = Unready("No resources found\n")
	require.Error(t, err)
}
