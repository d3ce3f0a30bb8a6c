package k8s

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

func TestResources(t *testing.T) {
	for name, tc := range map[string]struct {
		resources Resources
		want      string
	}{
		"good":           {Resources{CPURequest: "1", CPULimit: "1", Memory: "1Gi"}, ""},
		"no cpu limit":   {Resources{CPURequest: "1", Memory: "1Gi"}, ""},
		"limit too low":  {Resources{CPURequest: "1", CPULimit: "900m", Memory: "1Gi"}, `x.cpuLimit: Invalid value: "900m": must be at least cpuRequest 1`},
		"negative":       {Resources{CPURequest: "1", CPULimit: "1", Memory: "-1Gi"}, `x.memory: Invalid value: "-1Gi": must be greater than 0`},
		"not a quantity": {Resources{CPURequest: "1", CPULimit: "1", Memory: "lots"}, `x.memory: Invalid value: "lots": must be a quantity such as 500m, 2 or 1Gi`},
	} {
		t.Run(name, func(t *testing.T) { requireErr(t, tc.resources, tc.want) })
	}
}

func TestTarget(t *testing.T) {
	client := Peer{Pods: pulumi.StringMap{"app": pulumi.String("client")}}
	later := Peer{Pods: client.Pods.ToStringMapOutput()}
	for name, tc := range map[string]struct {
		target Target
		want   string
	}{
		"nobody":  {Target{Port: 1}, "x: Required value: one of pods, namespaces and cidr"},
		"empty":   {Target{Port: 1, Peer: Peer{Pods: pulumi.StringMap{}}}, "x: Required value: one of pods, namespaces and cidr"},
		"both":    {Target{Peer: Peer{CIDR: pulumi.String("10.0.0.0/8"), Pods: client.Pods}, Port: 1}, `x: Invalid value: "10.0.0.0/8": must not be combined with pods or namespaces`},
		"bad":     {Target{Peer: Peer{CIDR: pulumi.String("ten")}, Port: 1}, `x.cidr: Invalid value: "ten": must be an address range such as 203.0.113.0/24`},
		"port":    {Target{Peer: client, Port: 70000}, "x.port: Invalid value: 70000: must be between 1 and 65535"},
		"no port": {Target{Peer: client}, "x.port: Invalid value: 0: must be between 1 and 65535"},
		"pods":    {Target{Peer: client, Port: 1}, ""},
		"later":   {Target{Peer: later, Port: 1}, ""},
		"outside": {Target{Peer: Peer{CIDR: pulumi.String("203.0.113.0/24")}, Port: 443}, ""},
	} {
		t.Run(name, func(t *testing.T) { requireErr(t, tc.target, tc.want) })
	}
}

func TestToleration(t *testing.T) {
	seconds := 30
	for name, tc := range map[string]struct {
		toleration Toleration
		want       string
	}{
		"equal":       {Toleration{Key: "dedicated", Value: "db"}, ""},
		"everything":  {Toleration{Operator: "Exists"}, ""},
		"for a while": {Toleration{Key: "a", Effect: "NoExecute", Seconds: &seconds}, ""},
		"no key":      {Toleration{Value: "db"}, "x.key: Required value: unless operator is Exists"},
		"bad key":     {Toleration{Key: "a b"}, `x.key: Invalid value: "a b": must be a label key such as topology.kubernetes.io/zone`},
		"value":       {Toleration{Key: "a", Operator: "Exists", Value: "b"}, `x.value: Invalid value: "b": must be left out when operator is Exists`},
		"seconds":     {Toleration{Key: "a", Seconds: &seconds}, "x.seconds: Invalid value: 30: must be left out unless effect is NoExecute"},
		"effect":      {Toleration{Key: "a", Effect: "Never"}, `x.effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"`},
	} {
		t.Run(name, func(t *testing.T) { requireErr(t, *settings.WithDefaults(&tc.toleration), tc.want) })
	}
}

func requireErr(t *testing.T, args any, want string) {
	t.Helper()
	err := settings.Err(settings.Validate(field.NewPath("x"), args))
	if want == "" {
		require.NoError(t, err)
		return
	}
	require.EqualError(t, err, want)
}
