package postgres

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
)

func TestDefaults(t *testing.T) {
	d := (*Args)(nil).withDefaults()
	require.Equal(t, pulumi.String("scalestack"), d.Namespace)
	require.Equal(t, pulumi.String("postgres:16.2"), d.Image)
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
		"negative id":   {Args{Shards: []int{0, -1}}, "shards[1]: Invalid value: -1: must be between 0 and 9999"},
		"same id twice": {Args{Shards: []int{3, 1, 3}}, "shards[2]: Duplicate value: 3"},
		"drained":       {Args{Shards: []int{3, 1}, Drained: []int{1, 2}}, "drained[1]: Invalid value: 2: must be one of the shards"},
		"image":         {Args{Image: pulumi.String("postgres:latest")}, `image: Invalid value: "postgres:latest": must name a version: a tag other than latest, or a digest`},
		"images":        {Args{Images: map[int]pulumi.StringInput{9: pulumi.String("postgres:17.5"), 0: pulumi.String("postgres")}}, "images.0: Invalid value: \"postgres\": must name a version: a tag other than latest, or a digest\nimages.9: Invalid value: 9: the key must be one of the shards"},
		"no image":      {Args{Images: map[int]pulumi.StringInput{0: pulumi.String("")}}, "images.0: Required value: an image with a tag other than latest, or a digest"},
		"images, members": {Args{Members: 3, Image: pulumi.String(builtImage), Images: map[int]pulumi.StringInput{0: pulumi.String("postgres:17.5")}},
			`images.0: Invalid value: "postgres:17.5": must be an image with Patroni with members 3, for example ` + builtImage},
		"images, backup": {Args{Backup: &Backup{Bucket: "s3://acme/prod"}, Images: map[int]pulumi.StringInput{0: pulumi.String("postgres:17.5")}},
			`image: Invalid value: "postgres:16.2": must be an image with barman-cloud with backup, for example ` + builtImage + "\n" +
				`images.0: Invalid value: "postgres:17.5": must be an image with barman-cloud with backup, for example ` + builtImage},
		"pull policy":    {Args{ImagePullPolicy: pulumi.String("Maybe")}, `imagePullPolicy: Unsupported value: "Maybe": supported values: "IfNotPresent", "Always", "Never"`},
		"cpu":            {Args{Resources: k8s.Resources{CPURequest: "2", CPULimit: "1"}}, `resources.cpuLimit: Invalid value: "1": must be at least cpuRequest 2`},
		"memory":         {Args{Resources: k8s.Resources{Memory: "128Mi"}}, `resources.memory: Invalid value: "128Mi": must be at least 256Mi`},
		"not a memory":   {Args{Resources: k8s.Resources{Memory: "much"}}, `resources.memory: Invalid value: "much": must be a quantity such as 500m, 2 or 1Gi`},
		"connections":    {Args{MaxConnections: 500, Resources: k8s.Resources{Memory: "512Mi"}}, "maxConnections: Invalid value: 500: must be at most 148 with resources.memory 512Mi"},
		"few":            {Args{MaxConnections: 3}, "maxConnections: Invalid value: 3: must be between 20 and 10000"},
		"many":           {Args{MaxConnections: 10001}, "maxConnections: Invalid value: 10001: must be between 20 and 10000"},
		"owned setting":  {Args{Settings: map[string]string{"wal_level": "minimal"}}, "settings.wal_level: Forbidden: is decided by the component"},
		"folder":         {Args{Settings: map[string]string{"data_directory": "/"}}, "settings.data_directory: Forbidden: is decided by the component"},
		"memory setting": {Args{Settings: map[string]string{"work_mem": "1GB"}}, "settings.work_mem: Forbidden: is decided by the component"},
		"rollout name":   {Args{Settings: map[string]string{"scalestack.rollout": "x"}}, "settings.scalestack.rollout: Forbidden: is decided by the component"},
		"setting name":   {Args{Settings: map[string]string{"Jit": "on"}}, `settings.Jit: Invalid value: "Jit": the key must be the name of a PostgreSQL setting`},
		"two lines":      {Args{Settings: map[string]string{"jit": "on\nfsync=off"}}, `settings.jit: Invalid value: "on\nfsync=off": must be one line`},
		"disk":           {Args{Storage: Storage{Size: "100Mi"}}, `storage.size: Invalid value: "100Mi": must be a quantity of at least 1Gi`},
		"not a disk":     {Args{Storage: Storage{Size: "big"}}, `storage.size: Invalid value: "big": must be a quantity such as 500m, 2 or 1Gi`},
		"access mode":    {Args{Storage: Storage{AccessMode: "ReadWriteMany"}}, `storage.accessMode: Unsupported value: "ReadWriteMany": supported values: "ReadWriteOnce", "ReadWriteOncePod"`},
		"peer":           {Args{IngressFrom: []k8s.Peer{{}}}, "ingressFrom[0]: Required value: one of pods, namespaces and cidr"},
		"disruption":     {Args{Disruption: "Some"}, `disruption: Unsupported value: "Some": supported values: "One", "None", "Any"`},
		"rollout":        {Args{Rollout: "Slow"}, `rollout: Unsupported value: "Slow": supported values: "Serial", "Parallel"`},
		"grace":          {Args{TerminationGraceSeconds: 5}, "terminationGraceSeconds: Invalid value: 5: must be between 30 and 3600"},
		"patience":       {Args{RolloutTimeoutSeconds: 5}, "rolloutTimeoutSeconds: Invalid value: 5: must be between 60 and 7200"},
		"toleration":     {Args{Tolerations: []k8s.Toleration{{}}}, "tolerations[0].key: Required value: unless operator is Exists"},
		"all at once":    {Args{Rollout: "Slow", Disruption: "Some"}, "disruption: Unsupported value: \"Some\": supported values: \"One\", \"None\", \"Any\"\nrollout: Unsupported value: \"Slow\": supported values: \"Serial\", \"Parallel\""},
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
	require.EqualError(t, (*Args)(nil).Validate(), "shards: Required value")
}

func TestValuesOfTheDeploymentAreTaken(t *testing.T) {
	later := pulumi.String("later").ToStringOutput()
	require.NoError(t, (&Args{Shards: []int{0}, Image: later, Images: map[int]pulumi.StringInput{0: later}, Storage: Storage{Class: later}, PriorityClass: later}).Validate())
}
