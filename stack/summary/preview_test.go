package summary

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func read(t *testing.T, steps ...string) (deployed, planned *Figures) {
	t.Helper()
	deployed, planned, err := FromPreview(strings.NewReader(`{"steps":[` + strings.Join(steps, ",") + `]}`))
	require.NoError(t, err)
	return deployed, planned
}

// step is an update of a resource whose inputs are the same but for a word.
func step(token, inputs, before, after string) string {
	state := func(word string) string {
		return `{"type":"` + token + `","inputs":` + strings.ReplaceAll(inputs, "WORD", word) + `}`
	}
	return `{"op":"update","urn":"` + token + `","oldState":` + state(before) + `,"newState":` + state(after) + `}`
}

const (
	hpa  = `{"spec":{"minReplicas":3,"maxReplicas":WORD,"scaleTargetRef":{"name":"app"}}}`
	app  = `{"metadata":{"name":"app"},"spec":{"strategy":{"rollingUpdate":{"maxSurge":WORD}},"template":{"spec":{"containers":[{"env":[{"name":"SCALESTACK_DB_POOL","value":"10"}]}]}}}}`
	conf = `{"data":{"postgresql.conf":"a = 1\nmax_connections = 'WORD'\n"}}`
)

// A service that KEDA scales has bounds, and connections, as any other.
func TestKEDAsBoundsCount(t *testing.T) {
	scaled := strings.NewReplacer("minReplicas", "minReplicaCount", "maxReplicas", "maxReplicaCount").Replace(hpa)
	deployed, planned := read(t, step("kubernetes:keda.sh/v1alpha1:ScaledObject", scaled, "10", "20"), step("kubernetes:apps/v1:Deployment", app, `"25%"`, `2`))
	require.Equal(t, map[string]Bounds{"app": {3, 10}}, deployed.Replicas)
	require.Equal(t, []int{130, 220}, []int{deployed.Connections.Need, planned.Connections.Need})

	idle := strings.Replace(scaled, `{"spec":{`, `{"spec":{"idleReplicaCount":0,`, 1)
	_, planned = read(t, step("kubernetes:keda.sh/v1alpha1:ScaledObject", idle, "10", "20"), step("kubernetes:apps/v1:Deployment", app, `"25%"`, `2`))
	require.Equal(t, map[string]Bounds{"app": {0, 20}}, planned.Replicas)
}

func TestFromPreview(t *testing.T) {
	deployed, planned := read(t,
		step("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", hpa, "10", "20"),
		step("kubernetes:apps/v1:Deployment", app, `"25%"`, `2`),
		step("kubernetes:core/v1:ConfigMap", conf, "140", "400"),
		step("kubernetes:core/v1:PersistentVolumeClaim", `{"metadata":{"labels":{"app.kubernetes.io/name":"postgres"}},"spec":{"resources":{"requests":{"storage":"WORD"}}}}`, "10Gi", "20Gi"),
		step("kubernetes:kafka.strimzi.io/v1beta2:KafkaNodePool", `{"metadata":{"name":"brokers"},"spec":{"replicas":3,"storage":{"volumes":[{"size":"WORD"}]}}}`, "1Gi", "2Gi"),
		step("cloudflare:index/ruleset:Ruleset", `{"phase":"http_ratelimit","rules":[{"ref":"writes","expression":"e","enabled":WORD,"action":"block"}]}`, "true", "false"),
		step("cloudflare:index/ruleset:Ruleset", `{"phase":"http_request_cache_settings","rules":[{"ref":"a","expression":"e","enabled":WORD,"actionParameters":{"cache":true,"edgeTtl":{"default":60},"browserTtl":{"default":5}}}]}`, "true", "false"),
	)
	require.Equal(t, map[string]Bounds{"app": {3, 10}}, deployed.Replicas)
	require.Equal(t, map[string]Bounds{"app": {3, 20}}, planned.Replicas)
	require.Equal(t, Connections{Need: 130, Pods: 13, Limit: 140}, deployed.Connections)
	require.Equal(t, Connections{Need: 220, Pods: 22, Limit: 400}, planned.Connections)
	require.Equal(t, []string{"13Gi", "10Gi -> 20Gi", "3Gi -> 6Gi"},
		[]string{disks(deployed.Disks, deployed.Disks)[0],
			strings.TrimPrefix(disks(deployed.Disks, planned.Disks)[2], "postgres: "),
			strings.TrimPrefix(disks(deployed.Disks, planned.Disks)[1], "kafka brokers: ")})
	require.Equal(t, "10Gi 20Gi", deployed.Volume.String()+" "+planned.Volume.String())
	require.Equal(t, []Rule{{Ref: "a", Expression: "e", Cache: true, EdgeTTL: 60, BrowserTTL: 5}}, deployed.Rules)
	require.True(t, planned.Rules[0].Disabled)
}

// A replacement comes in three steps, a deletion has no new state.
func TestStepsOfOneResource(t *testing.T) {
	state := func(storage string) string {
		return `{"type":"kubernetes:core/v1:PersistentVolumeClaim","inputs":{"spec":{"resources":{"requests":{"storage":"` + storage + `"}}}}}`
	}
	deployed, planned := read(t,
		`{"op":"create-replacement","urn":"a","newState":`+state("2Gi")+`}`,
		`{"op":"replace","urn":"a","oldState":`+state("1Gi")+`,"newState":`+state("2Gi")+`}`,
		`{"op":"delete-replaced","urn":"a","oldState":`+state("1Gi")+`}`,
		`{"op":"delete","urn":"b","oldState":`+state("4Gi")+`}`,
		`{"op":"same","urn":"component","oldState":{"type":"x"},"newState":{"type":"x"}}`,
	)
	require.Equal(t, "5Gi -> 2Gi", disks(deployed.Disks, planned.Disks)[0])
}

func TestWhatIsNoPreview(t *testing.T) {
	for text, want := range map[string]string{
		"":           "this is not the output of pulumi preview --json",
		"Previewing": "this is not the output of pulumi preview --json",
		`{"diagnostics":[{"severity":"info","message":"i"},{"severity":"error","message":"refused\n"}]}`:                 "the preview failed: refused",
		`{"steps":[{"urn":"u","newState":{"type":"kubernetes:core/v1:ConfigMap","inputs":{"data":{"map.json":"{}"}}}}]}`: "planned: u: assignment: is required",
	} {
		_, _, err := FromPreview(strings.NewReader(text))
		require.ErrorContains(t, err, want)
	}
}

// The shards are asked in the stack's namespace, whatever the map calls the cluster.
func TestTheMapTellsTheNamespace(t *testing.T) {
	encoded, err := shardMap([]int{0, 1, 0, 1, 0, 1}, 0, 1).Encode()
	require.NoError(t, err)
	object, err := json.Marshal(map[string]any{
		"metadata": map[string]string{"namespace": "shop"}, "data": map[string]string{"map.json": string(encoded)},
	})
	require.NoError(t, err)
	deployed, _ := read(t, `{"op":"same","urn":"m","oldState":{"type":"kubernetes:core/v1:ConfigMap","inputs":`+string(object)+`}}`)
	require.Equal(t, "shop", deployed.Namespace)
	require.Equal(t, "test", deployed.ShardMap.Cluster)
}
