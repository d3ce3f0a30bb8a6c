package app

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// valid is a service with everything a service may have.
func valid() *Args {
	return &Args{
		Image:   "scalestack/users:1",
		Command: []string{"/users"},
		Args:    []string{"serve"},
		Port:    8080,
		Env: map[string]pulumi.StringInput{
			"SCALESTACK_SHARD_MAP": pulumi.String("/etc/scalestack/shardmap/map.json"),
			"SCALESTACK_LISTEN":    pulumi.String(":8080"),
		},
		Mounts: []Mount{
			{Name: "shard-map", Path: "/etc/scalestack/shardmap", ConfigMap: pulumi.String("shard-map")},
			{Name: "shards", Path: "/etc/scalestack/shards", Secrets: []SecretFiles{{
				Secret: pulumi.String("postgres-shard-0-app"),
				Files:  map[string]string{"username": "shard-0/username", "password": "shard-0/password"},
			}}},
			{Name: "redis", Path: "/etc/scalestack/redis", Secret: pulumi.String("redis-app")},
			{Name: "tmp", Path: "/tmp", Scratch: "64Mi"},
		},
		Callers: []Peer{{Namespaces: map[string]string{"kubernetes.io/metadata.name": "ingress"}}},
		Targets: []Target{{Peer: Peer{Pods: map[string]string{"app.kubernetes.io/name": "redis"}}, Port: 6379}},
		Metrics: []Metric{
			{Kind: PodsMetric, Name: "db_connections_in_use", Average: "8"},
			{Kind: ExternalMetric, Name: "kafka_lag", Labels: map[string]string{"group": "email"}, Total: "1k"},
		},
		RestartOn: []pulumi.StringInput{pulumi.String("one")},
		Migration: &Job{
			Args:     []string{"migrate"},
			Revision: "4 shards",
			Targets:  []Target{{Peer: Peer{Pods: map[string]string{"app.kubernetes.io/name": "postgres"}}, Port: 5432}},
		},
		Followup: &Job{
			Name: "reshard", Args: []string{"reshard"}, FinalExitCodes: []int{3, 4},
			Port: 8081, Callers: []Peer{{Pods: map[string]string{"app.kubernetes.io/name": "prometheus"}}},
		},
	}
}

func TestValidateAcceptsTheSmallestAndTheFullest(t *testing.T) {
	require.NoError(t, (&Args{Image: "a:1"}).Validate())
	require.NoError(t, valid().Validate())
}

func TestValidateNamesEachMistake(t *testing.T) {
	peer := Peer{Pods: map[string]string{"a": "b"}}
	for want, spoil := range map[string]func(*Args){
		"image: is required": func(a *Args) { a.Image = "" },
		`image: "w" names no version: give it a tag other than latest, or a digest`: func(a *Args) { a.Image = "w" },
		`imagePullPolicy: "Sometimes" is not one of`:                                func(a *Args) { a.ImagePullPolicy = "Sometimes" },
		"user: -1 is not between 1 and 65535":                                       func(a *Args) { a.User = -1 },
		"port: 70000 is not between 0 and 65535":                                    func(a *Args) { a.Port = 70000 },
		"servicePort: 70000 is not between 0 and 65535":                             func(a *Args) { a.ServicePort = 70000 },
		"healthPort: -5 is not between 1 and 65535":                                 func(a *Args) { a.HealthPort = -5 },
		"servicePort: 80 has no port behind it: port is 0":                          func(a *Args) { a.Port, a.Callers, a.ServicePort = 0, nil, 80 },
		"callers: 1 callers have no port to call: port is 0":                        func(a *Args) { a.Port = 0 },
		"callers[0]: names no pods, no namespaces and no cidr":                      func(a *Args) { a.Callers = []Peer{{}} },
		"targets[0].port: 0 is not between 1 and 65535":                             func(a *Args) { a.Targets = []Target{{Peer: peer}} },
		"replicas.min: -1 is not between 1 and 1000":                                func(a *Args) { a.Replicas.Min = -1 },
		"replicas.max: 2000 is not between 1 and 1000":                              func(a *Args) { a.Replicas.Max = 2000 },
		"replicas.max: 2 is below replicas.min 3":                                   func(a *Args) { a.Replicas.Max = 2 },
		"cpuTargetPercent: 101 is not between 1 and 100":                            func(a *Args) { a.CPUTargetPercent = 101 },
		"behavior.up.windowSeconds: 4000 is not between 0 and 3600":                 func(a *Args) { a.Behavior.Up.WindowSeconds = seconds(4000) },
		"behavior.up.percent: 1001 is not between 0 and 1000":                       func(a *Args) { a.Behavior.Up.Percent = 1001 },
		"behavior.down.percent: 101 is not between 0 and 100":                       func(a *Args) { a.Behavior.Down.Percent = 101 },
		"behavior.down.pods: -1 is not between 0 and 1000":                          func(a *Args) { a.Behavior.Down.Pods = -1 },
		"behavior.down.periodSeconds: 1801 is not between 1 and 1800":               func(a *Args) { a.Behavior.Down.PeriodSeconds = 1801 },
		`metrics[0].kind: "cpu" is not one of pods, external`:                       func(a *Args) { a.Metrics[0].Kind = "cpu" },
		"metrics[0].name: is required":                                              func(a *Args) { a.Metrics[0].Name = "" },
		"metrics[1]: needs one of average and total":                                func(a *Args) { a.Metrics[1].Average = "1" },
		"metrics[0].total: 5 is not allowed for a pods metric: give average":        func(a *Args) { a.Metrics[0].Average, a.Metrics[0].Total = "", "5" },
		`metrics[0].average: "many" is not a quantity such as 500m, 2 or 1Gi`:       func(a *Args) { a.Metrics[0].Average = "many" },
		"metrics[1].total: 0 is not above 0":                                        func(a *Args) { a.Metrics[1].Total = "0" },
		"terminationGraceSeconds: 5000 is not between 1 and 3600":                   func(a *Args) { a.TerminationGraceSeconds = 5000 },
		"probes.startupSeconds: 1 is not between 2 and 3600":                        func(a *Args) { a.Probes.StartupSeconds = 1 },
		`probes.readiness: "readyz" is not an absolute path`:                        func(a *Args) { a.Probes.Readiness = "readyz" },
		`probes.liveness: "/a/../b" is not an absolute path`:                        func(a *Args) { a.Probes.Liveness = "/a/../b" },
		`env: "1=x" is not the name of an environment variable`:                     func(a *Args) { a.Env["1=x"] = pulumi.String("") },
		"env.EMPTY: has no value":                                                   func(a *Args) { a.Env["EMPTY"] = nil },
		"restartOn[0]: has no value":                                                func(a *Args) { a.RestartOn[0] = nil },
		`mounts[0].name: "Shard_Map" is not a name of`:                              func(a *Args) { a.Mounts[0].Name = "Shard_Map" },
		`mounts[0].path: "etc" is not an absolute path`:                             func(a *Args) { a.Mounts[0].Path = "etc" },
		`mounts[3].name: "redis" is used twice`:                                     func(a *Args) { a.Mounts[3].Name = "redis" },
		`mounts[3].path: "/etc/scalestack/redis" is used twice`:                     func(a *Args) { a.Mounts[3].Path = "/etc/scalestack/redis" },
		"mounts[2]: has 2 sources, not one of":                                      func(a *Args) { a.Mounts[2].ConfigMap = pulumi.String("x") },
		"mounts[2]: has 0 sources, not one of":                                      func(a *Args) { a.Mounts[2].Secret = nil },
		`mounts[3].scratch: "big" is not a quantity`:                                func(a *Args) { a.Mounts[3].Scratch = "big" },
		"mounts[1].secrets[0].secret: is required":                                  func(a *Args) { a.Mounts[1].Secrets[0].Secret = nil },
		"mounts[1].secrets[0].files: is empty":                                      func(a *Args) { a.Mounts[1].Secrets[0].Files = nil },
		`mounts[1].secrets[0].files.password: "../x" is not a file below the mount`: func(a *Args) { a.Mounts[1].Secrets[0].Files["password"] = "../x" },
		`mounts[1].secrets[0].files.username: "shard-0/password" is used twice`:     func(a *Args) { a.Mounts[1].Secrets[0].Files["username"] = "shard-0/password" },
		`resources.cpuRequest: "fast" is not a quantity`:                            func(a *Args) { a.Resources.CPURequest = "fast" },
		"migration.retries: 1001 is not between 1 and 1000":                         func(a *Args) { a.Migration.Retries = 1001 },
		"followup.finalExitCodes[1]: 256 is not between 1 and 255":                  func(a *Args) { a.Followup.FinalExitCodes = []int{1, 256} },
		"migration.finalExitCodes: [3] would leave Pulumi waiting":                  func(a *Args) { a.Migration.FinalExitCodes = []int{3} },
		"followup.port: 70000 is not between 0 and 65535":                           func(a *Args) { a.Followup.Port = 70000 },
		"followup.callers: 1 callers have no port to call":                          func(a *Args) { a.Followup.Port = 0 },
		"followup.callers[0]: names no pods":                                        func(a *Args) { a.Followup.Callers[0] = Peer{} },
		`followup.name: "migrate" is the migration's`:                               func(a *Args) { a.Followup.Name = "migrate" },
		`followup.name: "resharding" is longer than 7`:                              func(a *Args) { a.Followup.Name = "resharding" },
		`followup.name: "_" is not a name of`:                                       func(a *Args) { a.Followup.Name = "_" },
		"migration.deadlineSeconds: 5 is not between 10 and 86400":                  func(a *Args) { a.Migration.DeadlineSeconds = 5 },
		`migration.env: "a-b c" is not the name of an environment variable`:         func(a *Args) { a.Migration.Env = map[string]pulumi.StringInput{"a-b c": pulumi.String("")} },
		"migration.mounts[0]: has 0 sources":                                        func(a *Args) { a.Migration.Mounts = []Mount{{Name: "a", Path: "/a"}} },
		"migration.targets[0]: names no pods, no namespaces and no cidr":            func(a *Args) { a.Migration.Targets = []Target{{Port: 1}} },
		"migration.resources.memory: -1 is not above 0":                             func(a *Args) { a.Migration.Resources.Memory = "-1" },
	} {
		t.Run(want, func(t *testing.T) {
			a := valid()
			spoil(a)
			err := a.Validate()
			require.ErrorContains(t, err, want)
			require.Len(t, strings.Split(err.Error(), "\n"), 1, "one mistake, one message")
		})
	}
}

func TestValidateReturnsAllMistakesAtOnce(t *testing.T) {
	err := (&Args{Port: -1, Replicas: Replicas{Max: 2}}).Validate()
	require.EqualError(t, err, strings.Join([]string{
		"image: is required",
		"port: -1 is not between 0 and 65535",
		"replicas.max: 2 is below replicas.min 3",
	}, "\n"))
}
