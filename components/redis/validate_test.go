package redis

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
)

func TestDefaultsAreValid(t *testing.T) {
	require.NoError(t, (*Args)(nil).Validate())
	d := (*Args)(nil).withDefaults()
	require.Equal(t, pulumi.String("scalestack"), d.Namespace)
	require.Equal(t, pulumi.String("redis:7.2.4"), d.Image)
	require.Equal(t, 75, d.MaxMemoryPercent)
	require.Equal(t, []string{"user_profile:*"}, d.KeyPatterns)
}

func TestDefaultsLeaveTheCallersArgsAlone(t *testing.T) {
	args := &Args{}
	args.withDefaults()
	require.Equal(t, &Args{}, args)
}

func TestValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		args Args
		want string
	}{
		"image":        {Args{Image: pulumi.String("redis")}, `image: Invalid value: "redis": must name a version: a tag other than latest, or a digest`},
		"pull policy":  {Args{ImagePullPolicy: pulumi.String("Maybe")}, `imagePullPolicy: Unsupported value: "Maybe": supported values: "IfNotPresent", "Always", "Never"`},
		"cpu":          {Args{Resources: k8s.Resources{CPURequest: "fast"}}, `resources.cpuRequest: Invalid value: "fast": must be a quantity such as 500m, 2 or 1Gi`},
		"memory":       {Args{Resources: k8s.Resources{Memory: "32Mi"}}, `resources.memory: Invalid value: "32Mi": must be at least 64Mi`},
		"percent":      {Args{MaxMemoryPercent: 95}, "maxMemoryPercent: Invalid value: 95: must be between 10 and 90"},
		"eviction":     {Args{EvictionPolicy: "noeviction"}, `evictionPolicy: Unsupported value: "noeviction": supported values: "allkeys-lfu", "allkeys-lru", "allkeys-random", "volatile-ttl", "volatile-lru", "volatile-lfu", "volatile-random"`},
		"no pattern":   {Args{KeyPatterns: []string{}}, `keyPatterns: Required value: at least one: without any the services may use no key`},
		"key pattern":  {Args{KeyPatterns: []string{"a", "b c"}}, `keyPatterns[1]: Invalid value: "b c": must be printable ASCII without spaces`},
		"command":      {Args{Commands: []string{"+get", "allcommands"}}, `commands[1]: Invalid value: "allcommands": must be an ACL rule such as +get, -keys or +@read`},
		"injection":    {Args{Commands: []string{"+get\nuser x on"}}, `commands[0]: Invalid value: "+get\nuser x on": must be an ACL rule such as +get, -keys or +@read`},
		"clients":      {Args{MaxClients: 5}, "maxClients: Invalid value: 5: must be between 10 and 100000"},
		"grace":        {Args{TerminationGraceSeconds: -1}, "terminationGraceSeconds: Invalid value: -1: must be between 1 and 3600"},
		"peer":         {Args{IngressFrom: []k8s.Peer{{}}}, "ingressFrom[0]: Required value: one of pods, namespaces and cidr"},
		"all at once":  {Args{MaxClients: 5, MaxMemoryPercent: 1}, "maxMemoryPercent: Invalid value: 1: must be between 10 and 90\nmaxClients: Invalid value: 5: must be between 10 and 100000"},
		"other policy": {Args{EvictionPolicy: "allkeys-lru"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.args.Validate()
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tc.want)
		})
	}
}
