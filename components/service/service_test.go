package service

import (
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
)

const secretText = "text that must roll the pods"

func run(t *testing.T, name string, args *Args) *kubetest.Recorder {
	t.Helper()
	return kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := New(ctx, name, args)
		return err
	})
}

func TestServiceMakesEveryObject(t *testing.T) {
	r := run(t, "app", valid())
	require.Equal(t, []string{
		"Deployment app",
		"HorizontalPodAutoscaler app",
		"Job " + jobName(t, r, "app-migrate"),
		"Job " + jobName(t, r, "app-rollout"),
		"NetworkPolicy app",
		"NetworkPolicy app-migrate",
		"NetworkPolicy app-rollout",
		"PodDisruptionBudget app",
		"Service app",
		"ServiceAccount app",
	}, r.Names())
	r.RequireParented(t, "app")
}

func TestConsumerHasNoServiceAndStillHasProbes(t *testing.T) {
	r := run(t, "email", &Args{Image: pulumi.String("example/shop:1"), Replicas: Replicas{Min: 1, Max: 12}})
	require.Equal(t, []string{
		"Deployment email",
		"HorizontalPodAutoscaler email",
		"NetworkPolicy email",
		"PodDisruptionBudget email",
		"ServiceAccount email",
	}, r.Names())
	d := r.Get(t, "Deployment", "email")
	for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
		require.Equal(t, "health", kubetest.Text(d, "spec.template.spec.containers[0]."+probe+".httpGet.port"))
	}
	require.Equal(t, 8080., number(t, d, "spec.template.spec.containers[0].ports[0].containerPort"))
}

func TestSeveralProgramsLiveSideBySide(t *testing.T) {
	r := kubetest.Run(t, func(ctx *pulumi.Context) error {
		for _, name := range []string{"email", "analytics"} {
			if _, err := New(ctx, name, &Args{Image: pulumi.String("example/shop:1")}); err != nil {
				return err
			}
		}
		return nil
	})
	require.Len(t, r.Names(), 10)
	require.NotEqual(t, PodLabels("email"), PodLabels("analytics"))
}

// The program of another product is not labelled as a part of this one, and nothing
// selects by that label: a change of it finds the pods of before.
func TestObjectsBelongToTheirProduct(t *testing.T) {
	const label = `labels["app.kubernetes.io/part-of"]`
	for product, want := range map[string]string{"": "scalestack", "shop": "shop"} {
		a := valid()
		a.PartOf = product
		for _, one := range run(t, "app", a).All() {
			if !strings.HasPrefix(one.TypeToken, "kubernetes:") {
				continue
			}
			require.Equal(t, want, kubetest.Text(one, "metadata."+label), one.Name)
			if _, pods := kubetest.Value(one, "spec.template.spec"); pods {
				require.Equal(t, want, kubetest.Text(one, "spec.template.metadata."+label), one.Name)
			}
			for _, selector := range []string{"selector.matchLabels", "podSelector.matchLabels", "selector"} {
				_, selects := kubetest.Value(one, "spec."+selector+`["app.kubernetes.io/part-of"]`)
				require.False(t, selects, "%s: spec.%s", one.Name, selector)
			}
		}
	}
}

func TestDeploymentLeavesReplicasToTheAutoscaler(t *testing.T) {
	d := run(t, "app", valid()).Get(t, "Deployment", "app")
	_, found := kubetest.Value(d, "spec.replicas")
	require.False(t, found)
	require.Equal(t, 0., number(t, d, "spec.strategy.rollingUpdate.maxUnavailable"))
	require.Equal(t, "25%", kubetest.Text(d, "spec.strategy.rollingUpdate.maxSurge"))
}

func TestDeploymentWaitsForTheMigration(t *testing.T) {
	r := run(t, "app", valid())
	d := r.Get(t, "Deployment", "app")
	dependencies := strings.Join(d.RegisterRPC.GetDependencies(), "\n")
	for _, name := range []string{"::app-migrate", "::app-policy", "::app-account"} {
		require.Contains(t, dependencies, name)
	}
	for kind, suffix := range map[string]string{"HorizontalPodAutoscaler": "app", "Service": "app"} {
		require.Contains(t, strings.Join(r.Get(t, kind, suffix).RegisterRPC.GetDependencies(), "\n"), "::app-deployment")
	}
}

func TestPodsAreRestricted(t *testing.T) {
	r := run(t, "app", valid())
	for _, object := range []struct{ kind, name string }{
		{"Deployment", "app"}, {"Job", jobName(t, r, "app-migrate")}, {"Job", jobName(t, r, "app-rollout")},
	} {
		pod := r.Get(t, object.kind, object.name)
		for path, want := range map[string]any{
			"automountServiceAccountToken":                           false,
			"enableServiceLinks":                                     false,
			"securityContext.runAsNonRoot":                           true,
			"securityContext.runAsUser":                              65532.,
			"securityContext.seccompProfile.type":                    "RuntimeDefault",
			"serviceAccountName":                                     "app",
			"containers[0].securityContext.allowPrivilegeEscalation": false,
			"containers[0].securityContext.readOnlyRootFilesystem":   true,
			"containers[0].securityContext.capabilities.drop[0]":     "ALL",
			"containers[0].resources.requests.cpu":                   "100m",
			"containers[0].terminationMessagePolicy":                 "FallbackToLogsOnError",
		} {
			value, found := kubetest.Value(pod, "spec.template.spec."+path)
			require.Truef(t, found, "%s %s", object.kind, path)
			require.Equalf(t, want, value.V, "%s %s", object.kind, path)
		}
	}
	require.Equal(t, "false", boolText(t, r.Get(t, "ServiceAccount", "app"), "automountServiceAccountToken"))
}

func TestMetricsHaveAPortThatNoServiceLeadsTo(t *testing.T) {
	a := valid()
	a.MetricsPort, a.MetricsFrom = 9090, []k8s.Peer{{Pods: pulumi.StringMap{"app": pulumi.String("prometheus")}}}
	r := run(t, "app", a)
	container := "spec.template.spec.containers[0]."
	d := r.Get(t, "Deployment", "app")
	require.Equal(t, "metrics", kubetest.Text(d, container+"ports[1].name"))
	require.Equal(t, float64(9090), number(t, d, container+"ports[1].containerPort"))
	for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
		require.Equal(t, "metrics", kubetest.Text(d, container+probe+".httpGet.port"))
	}
	policy := r.Get(t, "NetworkPolicy", "app")
	require.Equal(t, "http", kubetest.Text(policy, "spec.ingress[0].ports[0].port"), "open on pods with another number too, until they are replaced")
	require.Equal(t, "metrics", kubetest.Text(policy, "spec.ingress[1].ports[0].port"))
	require.Equal(t, "prometheus", kubetest.Text(policy, "spec.ingress[1].from[0].podSelector.matchLabels.app"))
	_, second := kubetest.Value(r.Get(t, "Service", "app"), "spec.ports[1]")
	require.False(t, second)

	a.HealthPort = 8081
	d = run(t, "app", a).Get(t, "Deployment", "app")
	require.Equal(t, "health", kubetest.Text(d, container+"ports[2].name"))
	require.Equal(t, "health", kubetest.Text(d, container+"livenessProbe.httpGet.port"))
}

func TestEnvironmentIsSorted(t *testing.T) {
	d := run(t, "app", valid()).Get(t, "Deployment", "app")
	require.Equal(t, "SCALESTACK_LISTEN", kubetest.Text(d, "spec.template.spec.containers[0].env[0].name"))
	require.Equal(t, "SCALESTACK_SHARD_MAP", kubetest.Text(d, "spec.template.spec.containers[0].env[1].name"))
}

func TestMountsBecomeFolders(t *testing.T) {
	d := run(t, "app", valid()).Get(t, "Deployment", "app")
	volumes := "spec.template.spec.volumes"
	require.Equal(t, "shard-map", kubetest.Text(d, volumes+"[0].configMap.name"))
	require.Equal(t, "postgres-shard-0-app", kubetest.Text(d, volumes+"[1].projected.sources[0].secret.name"))
	require.Equal(t, "password", kubetest.Text(d, volumes+"[1].projected.sources[0].secret.items[0].key"))
	require.Equal(t, "shard-0/password", kubetest.Text(d, volumes+"[1].projected.sources[0].secret.items[0].path"))
	require.Equal(t, float64(0o440), number(t, d, volumes+"[1].projected.defaultMode"))
	require.Equal(t, "redis-app", kubetest.Text(d, volumes+"[2].secret.secretName"))
	require.Equal(t, "64Mi", kubetest.Text(d, volumes+"[3].emptyDir.sizeLimit"))
	mounts := "spec.template.spec.containers[0].volumeMounts"
	require.Equal(t, "true", boolText(t, d, mounts+"[2].readOnly"))
	_, found := kubetest.Value(d, mounts+"[3].readOnly")
	require.False(t, found, "scratch space is writable")
	_, found = kubetest.Value(d, mounts+"[0].subPath")
	require.False(t, found, "a subPath would never see an update")
}

func TestPreStopIsTheProgramsOwnCommand(t *testing.T) {
	path := "spec.template.spec.containers[0].lifecycle.preStop.exec.command[0]"
	require.Empty(t, kubetest.Text(run(t, "app", valid()).Get(t, "Deployment", "app"), path))
	a := valid()
	a.PreStop = []string{"/shop", "wait"}
	require.Equal(t, "/shop", kubetest.Text(run(t, "app", a).Get(t, "Deployment", "app"), path))
}

func TestRestartOnKeepsOnlyAHash(t *testing.T) {
	annotation := func(text string) string {
		a := valid()
		a.RestartOn = []pulumi.StringInput{pulumi.ToSecret(pulumi.String(text)).(pulumi.StringOutput)}
		r := run(t, "app", a)
		r.RequireNoPlainSecret(t, secretText)
		return kubetest.Text(r.Get(t, "Deployment", "app"), `spec.template.metadata.annotations["scalestack/checksum"]`)
	}
	require.Len(t, annotation(secretText), 64)
	require.NotEqual(t, annotation(secretText), annotation("another"))
}

func TestAutoscaler(t *testing.T) {
	h := run(t, "app", valid()).Get(t, "HorizontalPodAutoscaler", "app")
	require.Equal(t, "app", kubetest.Text(h, "spec.scaleTargetRef.name"))
	require.Equal(t, 3., number(t, h, "spec.minReplicas"))
	require.Equal(t, 10., number(t, h, "spec.maxReplicas"))
	require.Equal(t, "app", kubetest.Text(h, "spec.metrics[0].containerResource.container"))
	require.Equal(t, 60., number(t, h, "spec.metrics[0].containerResource.target.averageUtilization"))
	require.Equal(t, "8", kubetest.Text(h, "spec.metrics[1].pods.target.averageValue"))
	require.Equal(t, "1k", kubetest.Text(h, "spec.metrics[2].external.target.value"))
	require.Equal(t, "email", kubetest.Text(h, "spec.metrics[2].external.metric.selector.matchLabels.group"))
	require.Equal(t, 0., number(t, h, "spec.behavior.scaleUp.stabilizationWindowSeconds"))
	require.Equal(t, 300., number(t, h, "spec.behavior.scaleDown.stabilizationWindowSeconds"))
	require.Equal(t, "Percent", kubetest.Text(h, "spec.behavior.scaleDown.policies[0].type"))
	_, found := kubetest.Value(h, "spec.behavior.scaleDown.policies[1]")
	require.False(t, found)
}

func TestBudgetNeverBlocksADrain(t *testing.T) {
	b := run(t, "app", valid()).Get(t, "PodDisruptionBudget", "app")
	require.Equal(t, 1., number(t, b, "spec.maxUnavailable"))
	require.Equal(t, "AlwaysAllow", kubetest.Text(b, "spec.unhealthyPodEvictionPolicy"))
}

func TestNetworkPolicies(t *testing.T) {
	r := run(t, "app", valid())
	p := r.Get(t, "NetworkPolicy", "app")
	require.Equal(t, "http", kubetest.Text(p, "spec.ingress[0].ports[0].port"))
	require.Equal(t, 53., number(t, p, "spec.egress[0].ports[0].port"))
	require.Equal(t, 6379., number(t, p, "spec.egress[1].ports[0].port"))
	m := r.Get(t, "NetworkPolicy", "app-migrate")
	_, found := kubetest.Value(m, "spec.ingress[0]")
	require.False(t, found)
	require.Equal(t, 5432., number(t, m, "spec.egress[1].ports[0].port"))
	require.Equal(t, "app-migrate", kubetest.Text(m, `spec.podSelector.matchLabels["app.kubernetes.io/instance"]`))
}

func TestServiceSelectsThePods(t *testing.T) {
	r := run(t, "app", valid())
	s, d := r.Get(t, "Service", "app"), r.Get(t, "Deployment", "app")
	require.Equal(t, "http", kubetest.Text(s, "spec.ports[0].targetPort"))
	require.Equal(t, "true", kubetest.Text(s, `metadata.annotations["pulumi.com/skipAwait"]`), "the Deployment is waited for")
	require.Equal(t, "http", kubetest.Text(d, "spec.template.spec.containers[0].ports[0].name"))
	for key, value := range PodLabels("app") {
		require.Equal(t, value, pulumi.String(kubetest.Text(s, `spec.selector["`+key+`"]`)))
		require.Equal(t, value, pulumi.String(kubetest.Text(d, `spec.template.metadata.labels["`+key+`"]`)))
	}
}

func TestOutputs(t *testing.T) {
	for want, args := range map[string]*Args{
		"http://app.scalestack.svc.cluster.local": {Image: pulumi.String("a:1"), Port: 8080},
		"http://app.other.svc.cluster.local:8443": {Image: pulumi.String("a:1"), Port: 8080, ServicePort: 8443, Namespace: pulumi.String("other")},
		"": {Image: pulumi.String("a:1")},
	} {
		got := make(chan string, 1)
		kubetest.Run(t, func(ctx *pulumi.Context) error {
			app, err := New(ctx, "app", args)
			if err != nil {
				return err
			}
			app.URL.ApplyT(func(url string) string { got <- url; return url })
			return nil
		})
		select {
		case url := <-got:
			require.Equal(t, want, url)
		case <-time.After(10 * time.Second):
			require.Fail(t, "no URL")
		}
	}
}

func TestNewRefusesBeforeAnythingIsRegistered(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		args       *Args
	}{
		{"app", "image: Required value", nil},
		{"App", `name: Invalid value: "App": must be lower-case letters`, valid()},
		{strings.Repeat("a", 47), "must have at most 46 characters", valid()},
	} {
		r := &kubetest.Recorder{}
		err := pulumi.RunErr(func(ctx *pulumi.Context) error {
			_, err := New(ctx, tc.name, tc.args)
			return err
		}, pulumi.WithMocks("scalestack", "test", r))
		require.ErrorContains(t, err, tc.want)
		require.Empty(t, r.Names())
	}
}

// jobName is the object name of the Job that was registered under this name.
func jobName(t *testing.T, r *kubetest.Recorder, resource string) string {
	t.Helper()
	for _, name := range r.Names() {
		kind, object, _ := strings.Cut(name, " ")
		if kind == "Job" && strings.HasPrefix(object, resource+"-") {
			return object
		}
	}
	require.Fail(t, "no Job "+resource)
	return ""
}

func number(t *testing.T, object pulumi.MockResourceArgs, path string) float64 {
	t.Helper()
	value := must(t, object, path)
	require.Truef(t, value.IsNumber(), "%s is %v", path, value)
	return value.NumberValue()
}

func boolText(t *testing.T, object pulumi.MockResourceArgs, path string) string {
	t.Helper()
	if must(t, object, path).BoolValue() {
		return "true"
	}
	return "false"
}

func must(t *testing.T, object pulumi.MockResourceArgs, path string) resource.PropertyValue {
	t.Helper()
	value, found := kubetest.Value(object, path)
	require.Truef(t, found, "no %s", path)
	return value
}
