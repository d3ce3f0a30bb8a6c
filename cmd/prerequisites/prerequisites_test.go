package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const preview = `{"steps":[
	{"newState":{"type":"pulumi:providers:kubernetes","inputs":{"context":"eks"}}},
	{"newState":{"type":"kubernetes:core/v1:PersistentVolumeClaim","inputs":{"spec":{}}}},
	{"newState":{"type":"kubernetes:autoscaling/v2:HorizontalPodAutoscaler","inputs":{}}},
	{"newState":{"type":"kubernetes:kafka.strimzi.io/v1beta2:KafkaNodePool","inputs":{"spec":{"storage":{"volumes":[{"type":"persistent-claim","class":"fast"}]}}}}},
	{"oldState":{"type":"kubernetes:core/v1:PersistentVolumeClaim","inputs":{"spec":{"storageClassName":"gone"}}}}MORE
]}`

// answers are kubectl's, by the first words of the question.
type answers map[string]string

func (a answers) ask(_ context.Context, args ...string) ([]byte, error) {
	question := strings.Join(args, " ")
	for start, text := range a {
		if strings.HasPrefix(question, start) {
			return []byte(text), nil
		}
	}
	return nil, errors.New(`Error from server (NotFound): ` + question)
}

func good() answers {
	return answers{
		"version":        `{"serverVersion":{"major":"1","minor":"29+"}}`,
		"get apiservice": `{"status":{"conditions":[{"type":"Available","status":"True"}]}}`,
		"get storageclasses": `{"items":[{"metadata":{"name":"slow"}},{"metadata":{"name":"fast"},"allowVolumeExpansion":true},
			{"metadata":{"name":"gp3","annotations":{"storageclass.kubernetes.io/is-default-class":"true"}},"allowVolumeExpansion":true}]}`,
		"get customresourcedefinition kafkanodepools.kafka.strimzi.io": `{"spec":{"versions":[{"name":"v1beta2","served":true}]}}`,
	}
}

func problems(t *testing.T, a answers, more string) []string {
	t.Helper()
	p, err := read(strings.NewReader(strings.ReplaceAll(preview, "MORE", more)))
	require.NoError(t, err)
	require.Equal(t, "eks", p.context)
	var found []string
	for _, r := range p.check(t.Context(), a.ask) {
		if r.problem != "" {
			found = append(found, r.String())
		}
	}
	return found
}

func TestEachMissingPrerequisiteIsOneLine(t *testing.T) {
	require.Empty(t, problems(t, good(), ""))
	for name, test := range map[string]struct{ question, answer, want string }{
		"old": {"version", `{"serverVersion":{"major":"1","minor":"28"}}`, "MISSING  Kubernetes 1.29 or newer: the cluster is 1.28. Fix: name a cluster that answers, or upgrade it"},
		"no metrics": {"get apiservice", "", "MISSING  metrics of pods for the autoscalers (metrics.k8s.io): Error from server (NotFound): get apiservice v1beta1.metrics.k8s.io -o json. " +
			"Fix: install metrics-server; without it nothing scales"},
		"metrics down": {"get apiservice", `{"status":{"conditions":[{"type":"Available","status":"False"}]}}`,
			"MISSING  metrics of pods for the autoscalers (metrics.k8s.io): it is not available. Fix: install metrics-server; without it nothing scales"},
		"no definition": {"get customresourcedefinition kafkanodepools.kafka.strimzi.io", "", "MISSING  kafkanodepools.kafka.strimzi.io v1beta2: Error from server (NotFound): " +
			"get customresourcedefinition kafkanodepools.kafka.strimzi.io -o json. Fix: install Strimzi's operator, or set kafka.operator.mode to install"},
		"other version": {"get customresourcedefinition kafkanodepools.kafka.strimzi.io", `{"spec":{"versions":[{"name":"v1beta2"},{"name":"v1","served":true}]}}`,
			"MISSING  kafkanodepools.kafka.strimzi.io v1beta2: the cluster does not serve this version. Fix: set kafka.apiVersion to one that it does, or change the operator"},
	} {
		t.Run(name, func(t *testing.T) {
			a := good()
			delete(a, test.question)
			if test.answer != "" {
				a[test.question] = test.answer
			}
			require.Equal(t, []string{test.want}, problems(t, a, ""))
		})
	}
}

func TestStorageClasses(t *testing.T) {
	a := good()
	a["get storageclasses"] = `{"items":[{"metadata":{"name":"gp2","annotations":{"storageclass.kubernetes.io/is-default-class":"true"}}}]}`
	require.Equal(t, []string{
		`MISSING  default storage class that expands: gp2 does not allow it. Fix: kubectl patch storageclass gp2 --patch '{"allowVolumeExpansion":true}', if its driver can`,
		"MISSING  storage class fast that expands: there is none. Fix: create it, or name another in storage.class",
	}, problems(t, a, ""))
}

// The API server makes no pod of a class that is not there, and has ended the former one by then.
func TestPriorityClasses(t *testing.T) {
	const server = `,{"newState":{"type":"kubernetes:apps/v1:StatefulSet","inputs":{"spec":{"template":{"spec":{"priorityClassName":"databases"}}}}}},
		{"newState":{"type":"kubernetes:apps/v1:Deployment","inputs":{"spec":{"template":{"spec":{}}}}}}`
	require.Equal(t, []string{"MISSING  PriorityClass databases: Error from server (NotFound): get priorityclass databases -o name. " +
		"Fix: create it, or name another in priorityClass: kubectl get priorityclasses"}, problems(t, good(), server))
	a := good()
	a["get priorityclass databases"] = "priorityclass"
	require.Empty(t, problems(t, a, server))
}

func TestAnOperatorThatComesWithThePlanBringsItsDefinitions(t *testing.T) {
	a := good()
	delete(a, "get customresourcedefinition kafkanodepools.kafka.strimzi.io")
	require.Empty(t, problems(t, a, `,{"newState":{"type":"kubernetes:helm.sh/v4:Chart","inputs":{}}}`))
}

// What cannot be found out is missing.
func TestAClusterThatDoesNotAnswer(t *testing.T) {
	require.Len(t, problems(t, answers{}, ""), 5)
	for _, text := range []string{"", "{", `{"diagnostics":[{"severity":"error","message":"no"}]}`} {
		_, err := read(strings.NewReader(text))
		require.Error(t, err)
	}
}

// With a trigger the plan has objects of KEDA, and KEDA must be there.
func TestKEDAIsAPrerequisiteOfTriggers(t *testing.T) {
	const scaled = `,{"newState":{"type":"kubernetes:keda.sh/v1alpha1:ScaledObject","inputs":{}}}`
	require.Equal(t, []string{
		"MISSING  KEDA's metrics for the autoscalers (external.metrics.k8s.io): Error from server (NotFound): get apiservice v1beta1.external.metrics.k8s.io -o json. " +
			"Fix: install KEDA 2.17 or newer, or remove the services' triggers",
		"MISSING  scaledobjects.keda.sh v1alpha1: Error from server (NotFound): get customresourcedefinition scaledobjects.keda.sh -o json. " +
			"Fix: install KEDA 2.17 or newer, or remove the services' triggers",
	}, problems(t, withoutKEDA(), scaled))
	a := good()
	a["get customresourcedefinition scaledobjects.keda.sh"] = `{"spec":{"versions":[{"name":"v1alpha1","served":true}]}}`
	require.Empty(t, problems(t, a, scaled))
}

func withoutKEDA() answers {
	a := good()
	a["get apiservice v1beta1.metrics"] = a["get apiservice"]
	delete(a, "get apiservice")
	return a
}

func TestCertManagerIsAPrerequisiteOfAnIssuer(t *testing.T) {
	const certificate = `,{"newState":{"type":"kubernetes:cert-manager.io/v1:Certificate","inputs":{}}}`
	require.Equal(t, []string{
		"MISSING  certificates.cert-manager.io v1: Error from server (NotFound): get customresourcedefinition certificates.cert-manager.io -o json. " +
			"Fix: install cert-manager 1.0 or newer, or set secret in place of issuer in postgres.tls and redis.tls",
	}, problems(t, good(), certificate))
	a := good()
	a["get customresourcedefinition certificates.cert-manager.io"] = `{"spec":{"versions":[{"name":"v1","served":true}]}}`
	require.Empty(t, problems(t, a, certificate))
}

// A route needs the Gateway API and its Gateway, a Gateway its class.
func TestTheGatewayIsAPrerequisiteOfARoute(t *testing.T) {
	const (
		route = `,{"newState":{"type":"kubernetes:gateway.networking.k8s.io/v1:HTTPRoute","inputs":{"metadata":{"name":"gateway","namespace":"shop"},
			"spec":{"parentRefs":[{"name":"public","namespace":"gateways"}]}}}}`
		own = `,{"newState":{"type":"kubernetes:gateway.networking.k8s.io/v1:Gateway","inputs":{"metadata":{"name":"gateway","namespace":"shop"},"spec":{"gatewayClassName":"envoy"}}}},
			{"newState":{"type":"kubernetes:gateway.networking.k8s.io/v1:HTTPRoute","inputs":{"metadata":{"name":"gateway","namespace":"shop"},
			"spec":{"parentRefs":[{"name":"gateway","namespace":"shop"}]}}}}`
		none = "Error from server (NotFound): "
		fix  = ". Fix: install the Gateway API's definitions, v1.0 or newer, and a controller; or remove scalestack:gateway"
	)
	require.Equal(t, []string{
		"MISSING  httproutes.gateway.networking.k8s.io v1: " + none + "get customresourcedefinition httproutes.gateway.networking.k8s.io -o json" + fix,
		"MISSING  Gateway gateways/public: " + none + "get gateway.gateway.networking.k8s.io public -n gateways -o name. " +
			"Fix: name a Gateway of this cluster in gateway.parent: kubectl get gateways -A",
	}, problems(t, good(), route))
	a := good()
	for _, kind := range []string{"httproutes", "gateways"} {
		a["get customresourcedefinition "+kind+".gateway"] = `{"spec":{"versions":[{"name":"v1","served":true}]}}`
	}
	require.Equal(t, []string{"MISSING  GatewayClass envoy: " + none + "get gatewayclass.gateway.networking.k8s.io envoy -o name. " +
		"Fix: name a class of this cluster in gateway.own.class: kubectl get gatewayclasses"}, problems(t, a, own))
	a["get gatewayclass"], a["get gateway.gateway"] = "gatewayclass", "gateway"
	require.Empty(t, problems(t, a, own+route))
}
