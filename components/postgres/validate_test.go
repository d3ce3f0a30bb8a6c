package postgres

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

func TestDefaults(t *testing.T) {
	d := (*Args)(nil).withDefaults()
	require.Equal(t, pulumi.String("scalestack"), d.Namespace)
	require.Equal(t, "postgres:16.2", d.Image)
	require.Equal(t, Storage{Size: "10Gi", AccessMode: "ReadWriteOnce"}, d.Storage)
	require.Equal(t, 300, d.TerminationGraceSeconds)
	require.Equal(t, DisruptOne, d.Disruption)
	require.False(t, d.Protect)
	require.NoError(t, (&Args{Shards: []int{0}}).Validate())
}

func TestDefaultsLeaveTheCallersArgsAlone(t *testing.T) {
	args := &Args{Shards: []int{1}}
	args.withDefaults()
	require.Equal(t, &Args{Shards: []int{1}}, args)
}

func TestValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		args Args
		want string
	}{
		"negative id":    {Args{Shards: []int{0, -1}}, "shards[1]: -1 is not between 0 and 9999"},
		"same id twice":  {Args{Shards: []int{3, 1, 3}}, "shards[2]: 3 is given twice"},
		"drained":        {Args{Shards: []int{3, 1}, Drained: []int{1, 2}}, "drained[1]: 2 is not one of the shards"},
		"image":          {Args{Image: "postgres:latest"}, `image: "postgres:latest" names no version: give it a tag other than latest, or a digest`},
		"pull policy":    {Args{ImagePullPolicy: "Maybe"}, `imagePullPolicy: "Maybe" is not one of IfNotPresent, Always, Never`},
		"cpu":            {Args{Resources: Resources{CPURequest: "2", CPULimit: "1"}}, "resources.cpuLimit: 1 is below cpuRequest 2"},
		"memory":         {Args{Resources: Resources{Memory: "128Mi"}}, "resources.memory: 128Mi is below 256Mi"},
		"not a memory":   {Args{Resources: Resources{Memory: "much"}}, `resources.memory: "much" is not a quantity such as 500m, 2 or 1Gi`},
		"connections":    {Args{MaxConnections: 500, Resources: Resources{Memory: "512Mi"}}, "maxConnections: 500 is not between 20 and 148, what resources.memory 512Mi allows"},
		"few":            {Args{MaxConnections: 3}, "maxConnections: 3 is not between 20 and 315, what resources.memory 1Gi allows"},
		"owned setting":  {Args{Settings: map[string]string{"wal_level": "minimal"}}, `settings.wal_level: "wal_level" is decided by the component`},
		"folder":         {Args{Settings: map[string]string{"data_directory": "/"}}, `settings.data_directory: "data_directory" is decided by the component`},
		"memory setting": {Args{Settings: map[string]string{"work_mem": "1GB"}}, `settings.work_mem: "work_mem" is decided by the component`},
		"setting name":   {Args{Settings: map[string]string{"Jit": "on"}}, `settings.Jit: "Jit" is not the name of a setting`},
		"two lines":      {Args{Settings: map[string]string{"jit": "on\nfsync=off"}}, `settings.jit: "on\nfsync=off" is more than one line`},
		"disk":           {Args{Storage: Storage{Size: "100Mi"}}, "storage.size: 100Mi is below 1Gi"},
		"not a disk":     {Args{Storage: Storage{Size: "big"}}, `storage.size: "big" is not a quantity such as 500m, 2 or 1Gi`},
		"access mode":    {Args{Storage: Storage{AccessMode: "ReadWriteMany"}}, `storage.accessMode: "ReadWriteMany" is not one of ReadWriteOnce, ReadWriteOncePod`},
		"caller":         {Args{Callers: []Peer{{}}}, "callers[0]: names no pods, no namespaces and no cidr"},
		"disruption":     {Args{Disruption: "Some"}, `disruption: "Some" is not one of One, None, Any`},
		"rollout":        {Args{Rollout: "Slow"}, `rollout: "Slow" is not one of Serial, Parallel`},
		"spread":         {Args{ZoneSpread: "Never"}, `zoneSpread: "Never" is not one of ScheduleAnyway, DoNotSchedule`},
		"grace":          {Args{TerminationGraceSeconds: 5}, "terminationGraceSeconds: 5 is not between 30 and 3600"},
		"all at once":    {Args{Rollout: "Slow", Disruption: "Some"}, "disruption: \"Some\" is not one of One, None, Any\nrollout: \"Slow\" is not one of Serial, Parallel"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.args.Shards == nil {
				tc.args.Shards = []int{0}
			}
			require.EqualError(t, tc.args.Validate(), tc.want)
		})
	}
}

func TestShardsAreRequired(t *testing.T) {
	require.EqualError(t, (*Args)(nil).Validate(), "shards: names no shard")
}
