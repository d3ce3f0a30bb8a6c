package service

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/job"
	"github.com/scalestack/scalestack/components/k8s"
)

// valid is a service with everything a service may have.
func valid() *Args {
	return &Args{
		Image:   pulumi.String("example/shop:1"),
		Command: []string{"/workload"},
		Args:    []string{"serve"},
		Port:    8080,
		Env: map[string]pulumi.StringInput{
			"SCALESTACK_SHARD_MAP": pulumi.String("/etc/scalestack/shardmap/map.json"),
			"SCALESTACK_LISTEN":    pulumi.String(":8080"),
		},
		Mounts: []k8s.Mount{
			{Name: "shard-map", Path: "/etc/scalestack/shardmap", ConfigMap: pulumi.String("shard-map")},
			{Name: "shards", Path: "/etc/scalestack/shards", Secrets: []k8s.SecretFiles{{
				Secret: pulumi.String("postgres-shard-0-app"),
				Files:  map[string]string{"username": "shard-0/username", "password": "shard-0/password"},
			}}},
			{Name: "redis", Path: "/etc/scalestack/redis", Secret: pulumi.String("redis-app")},
			{Name: "tmp", Path: "/tmp", EmptyDir: "64Mi"},
		},
		IngressFrom: []k8s.Peer{{Namespaces: pulumi.StringMap{"kubernetes.io/metadata.name": pulumi.String("ingress")}}},
		EgressTo:    []k8s.Target{{Peer: k8s.Peer{Pods: pulumi.StringMap{"app.kubernetes.io/name": pulumi.String("redis")}}, Port: 6379}},
		Metrics: []Metric{
			{Kind: PodsMetric, Name: "db_connections_in_use", Average: "8"},
			{Kind: ExternalMetric, Name: "kafka_lag", Labels: map[string]string{"group": "email"}, Total: "1k"},
		},
		RestartOn: []pulumi.StringInput{pulumi.String("one")},
		Migration: &job.Args{
			Args:     []string{"migrate"},
			Revision: "4 shards",
			EgressTo: []k8s.Target{{Peer: k8s.Peer{Pods: pulumi.StringMap{"app.kubernetes.io/name": pulumi.String("postgres")}}, Port: 5432}},
		},
		PostRollout: &job.Args{
			Args: []string{"reshard"}, FinalExitCodes: []int{3, 4},
			Port: 8081, IngressFrom: []k8s.Peer{{Pods: pulumi.StringMap{"app.kubernetes.io/name": pulumi.String("prometheus")}}},
		},
	}
}

func TestValidateAcceptsTheSmallestAndTheFullest(t *testing.T) {
	require.NoError(t, (&Args{Image: pulumi.String("example/shop:1")}).Validate())
	require.NoError(t, valid().Validate())
}

func TestValidateNamesEachMistake(t *testing.T) {
	peer := k8s.Peer{Pods: pulumi.StringMap{"a": pulumi.String("b")}}
	for want, spoil := range map[string]func(*Args){
		"image: Required value":                                                        func(a *Args) { a.Image = nil },
		`image: Invalid value: "w": must name a version`:                               func(a *Args) { a.Image = pulumi.String("w") },
		`imagePullPolicy: Unsupported value: "Sometimes"`:                              func(a *Args) { a.ImagePullPolicy = pulumi.String("Sometimes") },
		"user: Invalid value: -1: must be between 1 and 65535":                         func(a *Args) { a.User = -1 },
		"port: Invalid value: 70000: must be between 0 and 65535":                      func(a *Args) { a.Port, a.HealthPort = 70000, 1 },
		"servicePort: Invalid value: 70000: must be between 1 and 65535":               func(a *Args) { a.ServicePort = 70000 },
		"healthPort: Invalid value: -5: must be between 1 and 65535":                   func(a *Args) { a.HealthPort = -5 },
		"servicePort: Forbidden: has no port behind it: port is 0":                     func(a *Args) { a.Port, a.IngressFrom, a.ServicePort = 0, nil, 80 },
		"ingressFrom: Forbidden: has 1 peers and no port to connect to: port is 0":     func(a *Args) { a.Port = 0 },
		"metricsPort: Invalid value: 8080: must not be port: whoever may connect":      func(a *Args) { a.MetricsPort = 8080 },
		"metricsFrom: Forbidden: has 1 peers and no port to connect to: metricsPort":   func(a *Args) { a.MetricsFrom = []k8s.Peer{peer} },
		"metricsPort: Invalid value: 65536: must be between 0 and 65535":               func(a *Args) { a.MetricsPort = 65536 },
		"ingressFrom[0]: Required value: one of pods, namespaces and cidr":             func(a *Args) { a.IngressFrom = []k8s.Peer{{}} },
		"egressTo[0].port: Invalid value: 0: must be between 1 and 65535":              func(a *Args) { a.EgressTo = []k8s.Target{{Peer: peer}} },
		"replicas.min: Invalid value: -1: must be between 1 and 1000":                  func(a *Args) { a.Replicas.Min = -1 },
		"replicas.max: Invalid value: 2000: must be between 1 and 1000":                func(a *Args) { a.Replicas.Max = 2000 },
		"replicas.max: Invalid value: 2: must be at least replicas.min 3":              func(a *Args) { a.Replicas.Max = 2 },
		"cpuTargetPercent: Invalid value: 101: must be between 1 and 100":              func(a *Args) { a.CPUTargetPercent = 101 },
		"behavior.up.windowSeconds: Invalid value: 4000: must be between 0 and 3600":   func(a *Args) { a.Behavior.Up.WindowSeconds = seconds(4000) },
		"behavior.up.percent: Invalid value: 1001: must be between 1 and 1000":         func(a *Args) { a.Behavior.Up.Percent = 1001 },
		"behavior.down.percent: Invalid value: 101: must be between 1 and 100":         func(a *Args) { a.Behavior.Down.Percent = 101 },
		"behavior.down.pods: Invalid value: -1: must be between 1 and 1000":            func(a *Args) { a.Behavior.Down.Pods = -1 },
		"behavior.down.periodSeconds: Invalid value: 1801: must be between 1 and 1800": func(a *Args) { a.Behavior.Down.PeriodSeconds = 1801 },
		`metrics[0].kind: Unsupported value: "cpu"`:                                    func(a *Args) { a.Metrics[0].Kind = "cpu" },
		"metrics[0].name: Required value":                                              func(a *Args) { a.Metrics[0].Name = "" },
		`metrics[1]: Invalid value: "kafka_lag": must have one of average and total`:   func(a *Args) { a.Metrics[1].Average = "1" },
		"metrics[0].total: Forbidden: is for external metrics: give average":           func(a *Args) { a.Metrics[0].Average, a.Metrics[0].Total = "", "5" },
		`metrics[0].average: Invalid value: "many": must be a quantity`:                func(a *Args) { a.Metrics[0].Average = "many" },
		`metrics[1].total: Invalid value: "0": must be greater than 0`:                 func(a *Args) { a.Metrics[1].Total = "0" },
		"terminationGraceSeconds: Invalid value: 5000: must be between 1 and 3600":     func(a *Args) { a.TerminationGraceSeconds = 5000 },
		"probes.startupSeconds: Invalid value: 1: must be between 2 and 3600":          func(a *Args) { a.Probes.StartupSeconds = 1 },
		`probes.readiness: Invalid value: "readyz": must be an absolute path`:          func(a *Args) { a.Probes.Readiness = "readyz" },
		`probes.liveness: Invalid value: "/a/../b": must be an absolute path`:          func(a *Args) { a.Probes.Liveness = "/a/../b" },
		`env: Invalid value: "1=x": must be the name of an environment variable`:       func(a *Args) { a.Env["1=x"] = pulumi.String("") },
		"env.EMPTY: Required value":                                                    func(a *Args) { a.Env["EMPTY"] = nil },
		"env.SCALESTACK_LISTEN: Forbidden: is set by the stack": func(a *Args) {
			a.BaseEnv = a.Env
			a.Env = map[string]pulumi.StringInput{"SCALESTACK_LISTEN": pulumi.String("")}
		},
		"restartOn[0]: Required value":                                    func(a *Args) { a.RestartOn[0] = nil },
		`mounts[0].name: Invalid value: "Shard_Map": must be a DNS label`: func(a *Args) { a.Mounts[0].Name = "Shard_Map" },
		`mounts[0].path: Invalid value: "etc": must be an absolute path`:  func(a *Args) { a.Mounts[0].Path = "etc" },
		`mounts[3].name: Duplicate value: "redis"`:                        func(a *Args) { a.Mounts[3].Name = "redis" },
		`mounts[3].path: Duplicate value: "/etc/scalestack/redis"`:        func(a *Args) { a.Mounts[3].Path = "/etc/scalestack/redis" },
		`mounts[2]: Invalid value: "redis": must have one of`:             func(a *Args) { a.Mounts[2].ConfigMap = pulumi.String("x") },
		`emptyDir, not 0`: func(a *Args) { a.Mounts[2].Secret = nil },
		`mounts[3].emptyDir: Invalid value: "big": must be a quantity`:                       func(a *Args) { a.Mounts[3].EmptyDir = "big" },
		"mounts[1].secrets[0].secret: Required value":                                        func(a *Args) { a.Mounts[1].Secrets[0].Secret = nil },
		"mounts[1].secrets[0].files: Required value":                                         func(a *Args) { a.Mounts[1].Secrets[0].Files = nil },
		`mounts[1].secrets[0].files.password: Invalid value: "../x": must be a path below`:   func(a *Args) { a.Mounts[1].Secrets[0].Files["password"] = "../x" },
		`mounts[1].secrets[0].files.username: Duplicate value: "shard-0/password"`:           func(a *Args) { a.Mounts[1].Secrets[0].Files["username"] = "shard-0/password" },
		`resources.cpuRequest: Invalid value: "fast": must be a quantity`:                    func(a *Args) { a.Resources.CPURequest = "fast" },
		"migration.retries: Invalid value: 1001: must be between 1 and 1000":                 func(a *Args) { a.Migration.Retries = 1001 },
		"postRollout.finalExitCodes[1]: Invalid value: 256: must be between 1 and 255":       func(a *Args) { a.PostRollout.FinalExitCodes = []int{1, 256} },
		"migration.finalExitCodes: Invalid value: [3]: would leave Pulumi waiting":           func(a *Args) { a.Migration.FinalExitCodes = []int{3} },
		"postRollout.port: Invalid value: 70000: must be between 0 and 65535":                func(a *Args) { a.PostRollout.Port = 70000 },
		"postRollout.ingressFrom: Forbidden: has 1 peers and no port":                        func(a *Args) { a.PostRollout.Port = 0 },
		"postRollout.ingressFrom[0]: Required value":                                         func(a *Args) { a.PostRollout.IngressFrom[0] = k8s.Peer{} },
		"migration.deadlineSeconds: Invalid value: 5: must be between 10 and 86400":          func(a *Args) { a.Migration.DeadlineSeconds = 5 },
		`migration.env: Invalid value: "a-b c": must be the name of an environment variable`: func(a *Args) { a.Migration.Env = map[string]pulumi.StringInput{"a-b c": pulumi.String("")} },
		`migration.mounts[0]: Invalid value: "a": must have one of`:                          func(a *Args) { a.Migration.Mounts = []k8s.Mount{{Name: "a", Path: "/a"}} },
		"migration.egressTo[0]: Required value: one of pods, namespaces and cidr":            func(a *Args) { a.Migration.EgressTo = []k8s.Target{{Port: 1}} },
		`migration.resources.memory: Invalid value: "-1": must be greater than 0`:            func(a *Args) { a.Migration.Resources.Memory = "-1" },
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
	err := (&Args{User: -1, Replicas: Replicas{Max: 2}}).Validate()
	require.EqualError(t, err, strings.Join([]string{
		"image: Required value: an image with a tag other than latest, or a digest",
		"user: Invalid value: -1: must be between 1 and 65535",
		"replicas.max: Invalid value: 2: must be at least replicas.min 3",
	}, "\n"))
}

func seconds(n int) *int { return &n }
