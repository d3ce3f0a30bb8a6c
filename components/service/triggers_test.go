package service

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

// consumer is scaled by every kind of trigger.
func consumer() *Args {
	return &Args{
		Image:    pulumi.String("example/shop:1"),
		Replicas: Replicas{Min: 2, Max: 12},
		Triggers: &Triggers{
			Lag:         &Lag{Topics: []string{"orders", "refunds"}, Group: "mail", PerReplica: 50},
			Connections: &Connections{},
			Requests:    &Requests{PerReplica: 20},
			Queries:     []Query{{Query: "sum(jobs)", PerReplica: "1500m"}},
		},
		Sources: Sources{
			Prometheus: "http://prometheus.monitoring:9090", Bootstrap: pulumi.String("kafka:9093"),
			User: "email-lag", UserSecret: pulumi.String("kafka-user-email-lag"), CASecret: pulumi.String("kafka-ca"),
		},
	}
}

func TestWithTriggersAScaledObjectTakesTheAutoscalersPlace(t *testing.T) {
	r := run(t, "email", consumer())
	require.Equal(t, []string{
		"ConfigMap email-lag",
		"Deployment email",
		"NetworkPolicy email",
		"PodDisruptionBudget email",
		"ScaledObject email",
		"ServiceAccount email",
		"TriggerAuthentication email-lag",
	}, r.Names())
	r.RequireParented(t, "email")
	s := r.Get(t, "ScaledObject", "email")
	for path, want := range map[string]string{
		"spec.scaleTargetRef.kind": "Deployment", "spec.scaleTargetRef.name": "email",
		"spec.fallback.behavior":                                                      "currentReplicasIfHigher",
		"spec.triggers[0].type":                                                       "cpu",
		"spec.triggers[0].metadata.value":                                             "60",
		"spec.triggers[0].metadata.containerName":                                     "email",
		"spec.triggers[1].metadata.topic":                                             "orders",
		"spec.triggers[1].metadata.lagThreshold":                                      "50",
		"spec.triggers[1].metadata.consumerGroup":                                     "mail",
		"spec.triggers[1].metadata.offsetResetPolicy":                                 "earliest",
		"spec.triggers[1].authenticationRef.name":                                     "email-lag",
		"spec.triggers[2].metadata.topic":                                             "refunds",
		"spec.triggers[3].metadata.threshold":                                         "70",
		"spec.triggers[3].metadata.ignoreNullValues":                                  "false",
		"spec.triggers[4].metadata.threshold":                                         "20",
		"spec.triggers[5].metadata.threshold":                                         "1.5",
		"spec.triggers[4].metadata.query":                                             `sum(max by (pod) (scalestack_http_requests_in_flight{namespace="scalestack",container="email"}))`,
		"spec.triggers[5].metadata.query":                                             "clamp_min((sum(jobs)\n) > -Inf, 0)",
		`metadata.annotations["pulumi.com/deletionPropagationPolicy"]`:                "foreground",
		"spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.selectPolicy": "Max",
	} {
		require.Equal(t, want, kubetest.Text(s, path), path)
	}
	require.Equal(t, 2., number(t, s, "spec.minReplicaCount"))
	require.Equal(t, 12., number(t, s, "spec.maxReplicaCount"))
	require.Equal(t, 2., number(t, s, "spec.fallback.replicas"))
	require.Equal(t, `sum(max by (pod) (100 * scalestack_db_pool_connections{namespace="scalestack",container="email",state="in_use"} `+
		`/ ignoring (state) scalestack_db_pool_connections{namespace="scalestack",container="email",state="max"}))`,
		kubetest.Text(s, "spec.triggers[3].metadata.query"))
	dependencies := strings.Join(s.RegisterRPC.GetDependencies(), "\n")
	for _, name := range []string{"::email-deployment", "::email-lag-access"} {
		require.Contains(t, dependencies, name)
	}
	access := r.Get(t, "TriggerAuthentication", "email-lag")
	require.Equal(t, "kafka-user-email-lag", kubetest.Text(access, "spec.secretTargetRef[0].name"))
	require.Equal(t, "ca.crt", kubetest.Text(access, "spec.secretTargetRef[1].key"))
	require.Equal(t, "email-lag", kubetest.Text(r.Get(t, "ConfigMap", "email-lag"), "data.username"))
}

// Only who asks for it is ever without a pod, and gets one back with the next autoscaler.
func TestScaleToZero(t *testing.T) {
	a := consumer()
	a.Triggers = &Triggers{Lag: a.Triggers.Lag}
	awake := kubetest.Text(run(t, "email", a).Get(t, "ScaledObject", "email"), "spec")
	require.NotContains(t, awake, "idleReplicaCount")
	require.NotContains(t, awake, "cooldownPeriod")
	require.NotContains(t, awake, "restoreToOriginalReplicaCount")

	a.Triggers.Lag.ScaleToZeroAfterSeconds = 90
	s := run(t, "email", a).Get(t, "ScaledObject", "email")
	require.Zero(t, number(t, s, "spec.idleReplicaCount"))
	require.Equal(t, 90., number(t, s, "spec.cooldownPeriod"))
	require.Equal(t, 2., number(t, s, "spec.minReplicaCount"))
	require.Equal(t, "true", boolText(t, s, "spec.advanced.restoreToOriginalReplicaCount"))
}

func TestTriggersNameEachMistake(t *testing.T) {
	for want, spoil := range map[string]func(*Args){
		"triggers: Required value: one of lag, connections, requests and queries": func(a *Args) { a.Triggers = &Triggers{} },
		"metrics: Forbidden: cannot be combined with triggers": func(a *Args) {
			a.Metrics = []Metric{{Kind: PodsMetric, Name: "m", Average: "1"}}
		},
		"triggers.lag.topics: Required value":                                         func(a *Args) { a.Triggers.Lag.Topics = nil },
		"triggers.lag.topics[1]: Duplicate value":                                     func(a *Args) { a.Triggers.Lag.Topics = []string{"a", "a"} },
		"triggers.lag.group: Required value":                                          func(a *Args) { a.Triggers.Lag.Group = "" },
		"triggers.lag.perReplica: Invalid value: -1: must be between 1 and":           func(a *Args) { a.Triggers.Lag.PerReplica = -1 },
		"triggers.connections.percent: Invalid value: 101: must be between 1 and 100": func(a *Args) { a.Triggers.Connections.Percent = 101 },
		"triggers.requests.perReplica: Invalid value: -2: must be between 1 and":      func(a *Args) { a.Triggers.Requests.PerReplica = -2 },
		"triggers.lag.scaleToZeroAfterSeconds: Invalid value: 9: must be between 10 and 86400": func(a *Args) {
			a.Triggers = &Triggers{Lag: &Lag{Topics: []string{"a"}, Group: "mail", ScaleToZeroAfterSeconds: 9}}
		},
		"triggers.lag.scaleToZeroAfterSeconds: Forbidden: the service has port 8080: a request does not start a pod": func(a *Args) {
			a.Port = 8080
			a.Triggers.Connections, a.Triggers.Requests, a.Triggers.Lag.ScaleToZeroAfterSeconds = nil, nil, 60
		},
		"triggers.lag.scaleToZeroAfterSeconds: Forbidden: cannot be combined with triggers.connections": func(a *Args) {
			a.Triggers.Requests, a.Triggers.Lag.ScaleToZeroAfterSeconds = nil, 60
		},
		"triggers.lag.scaleToZeroAfterSeconds: Forbidden: cannot be combined with triggers.requests": func(a *Args) {
			a.Triggers.Connections, a.Triggers.Lag.ScaleToZeroAfterSeconds = nil, 60
		},
		"triggers.queries[0].query: Required value":                                                func(a *Args) { a.Triggers.Queries[0].Query = "" },
		`triggers.queries[0].perReplica: Invalid value: "100u": must be a quantity of at least 1m`: func(a *Args) { a.Triggers.Queries[0].PerReplica = "100u" },
		`triggers.queries[0].perReplica: Invalid value: "some": must be a quantity`:                func(a *Args) { a.Triggers.Queries[0].PerReplica = "some" },
		"triggers.fallback.replicas: Invalid value: 13: must be at most replicas.max 12":           func(a *Args) { a.Triggers.Fallback.Replicas = 13 },
		`triggers.fallback.behavior: Unsupported value: "none"`:                                    func(a *Args) { a.Triggers.Fallback.Behavior = "none" },
		"triggers.fallback.failureThreshold: Invalid value: 101: must be between 1 and 100":        func(a *Args) { a.Triggers.Fallback.FailureThreshold = 101 },
	} {
		a := consumer()
		spoil(a)
		err := a.Validate()
		require.ErrorContains(t, err, want)
		require.Len(t, strings.Split(err.Error(), "\n"), 1, "one message for one mistake: %v", err)
	}
}

// What the triggers are read from is known when the service is made.
func TestNewNamesTheSourcesThatAreMissing(t *testing.T) {
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		a := consumer()
		a.Sources = Sources{}
		_, err := New(ctx, "email", a)
		return err
	}, pulumi.WithMocks("shop", "test", &kubetest.Recorder{}))
	for _, name := range []string{"prometheus", "bootstrap", "user", "userSecret", "caSecret"} {
		require.ErrorContains(t, err, "sources."+name+": Required value")
	}
}
