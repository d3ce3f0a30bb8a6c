package redis

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

func TestDefaultsAreValid(t *testing.T) {
	require.NoError(t, (*Args)(nil).Validate())
	d := (*Args)(nil).withDefaults()
	require.Equal(t, pulumi.String("scalestack"), d.Namespace)
	require.Equal(t, "redis:7.2.4", d.Image)
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
		"image":        {Args{Image: "redis"}, `image: "redis" names no version: give it a tag other than latest, or a digest`},
		"pull policy":  {Args{ImagePullPolicy: "Maybe"}, `imagePullPolicy: "Maybe" is not one of IfNotPresent, Always, Never`},
		"cpu":          {Args{Resources: Resources{CPURequest: "fast"}}, `resources.cpuRequest: "fast" is not a quantity such as 500m, 2 or 1Gi`},
		"memory":       {Args{Resources: Resources{Memory: "32Mi"}}, "resources.memory: 32Mi is below 64Mi"},
		"percent":      {Args{MaxMemoryPercent: 95}, "maxMemoryPercent: 95 is not between 10 and 90"},
		"eviction":     {Args{EvictionPolicy: "noeviction"}, `evictionPolicy: "noeviction" is not one of allkeys-lfu, allkeys-lru, allkeys-random, volatile-ttl, volatile-lru, volatile-lfu, volatile-random`},
		"key pattern":  {Args{KeyPatterns: []string{"a", "b c"}}, `keyPatterns[1]: "b c" is not a key pattern without spaces`},
		"command":      {Args{Commands: []string{"+get", "allcommands"}}, `commands[1]: "allcommands" is not a rule such as +get, -keys or +@read`},
		"injection":    {Args{Commands: []string{"+get\nuser x on"}}, `commands[0]: "+get\nuser x on" is not a rule such as +get, -keys or +@read`},
		"clients":      {Args{MaxClients: 5}, "maxClients: 5 is not between 10 and 100000"},
		"grace":        {Args{TerminationGraceSeconds: -1}, "terminationGraceSeconds: -1 is not between 1 and 3600"},
		"caller":       {Args{Callers: []Peer{{}}}, "callers[0]: names no pods, no namespaces and no cidr"},
		"all at once":  {Args{MaxClients: 5, MaxMemoryPercent: 1}, "maxClients: 5 is not between 10 and 100000\nmaxMemoryPercent: 1 is not between 10 and 90"},
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
