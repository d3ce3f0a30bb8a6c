package service

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/scalestack/scalestack/components/internal/kube"
)

const (
	kedaVersion = "keda.sh/v1alpha1"
	// accessName is behind the service's name in those of what KEDA logs in to Kafka with.
	accessName = "lag"
	userKey    = "username"
)

// object and list are values of fields without a Go type.
type (
	object = map[string]any
	list   = []any
)

// scaledObject scales the Deployment by CPU and the triggers.
func scaledObject(name string, a *Args) *apiextensions.CustomResourceArgs {
	spec := object{
		// KEDA's default. KEDA looks again only at a spec that has changed: this makes it one
		// for the ScaledObjects that had no checksum yet.
		"pollingInterval": 30,
		"scaleTargetRef":  object{"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
		"minReplicaCount": a.Replicas.Min,
		"maxReplicaCount": a.Replicas.Max,
		"fallback": object{
			"failureThreshold": a.Triggers.Fallback.FailureThreshold,
			"replicas":         a.Triggers.Fallback.Replicas,
			"behavior":         a.Triggers.Fallback.Behavior,
		},
		"advanced": object{
			"horizontalPodAutoscalerConfig": object{"behavior": object{
				"scaleUp":   a.Behavior.Up.object(),
				"scaleDown": a.Behavior.Down.object(),
			}},
		},
		"triggers": a.triggers(name),
	}
	if a.scalesToZero() {
		spec["idleReplicaCount"] = 0
		spec["cooldownPeriod"] = a.Triggers.Lag.ScaleToZeroAfterSeconds
		// Kubernetes' own autoscaler, should it come next, leaves a Deployment of no pods alone.
		spec["advanced"].(object)["restoreToOriginalReplicaCount"] = true
	}
	meta := a.labels(name).Meta(name, a.Namespace)
	annotations := pulumi.StringMap{
		specAnnotation: kube.Checksum(pulumi.JSONMarshal(spec)),
		// KEDA's autoscaler goes before the ScaledObject does, so that the next one is alone.
		"pulumi.com/deletionPropagationPolicy": pulumi.String("foreground"),
	}
	if a.Look == nil {
		// Of an update it sees nothing: the status is of no generation.
		annotations["pulumi.com/waitFor"] = pulumi.String("condition=Ready")
	}
	meta.Annotations = annotations
	return custom("ScaledObject", meta, spec)
}

func custom(kind string, meta *metav1.ObjectMetaArgs, spec object) *apiextensions.CustomResourceArgs {
	return &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String(kedaVersion), Kind: pulumi.String(kind), Metadata: meta,
		OtherFields: kubernetes.UntypedArgs{"spec": spec},
	}
}

// triggers begin with CPU, which needs no source that could fail.
func (a *Args) triggers(name string) list {
	all := list{cpuTrigger(name, a.CPUTargetPercent)}
	t := a.Triggers
	if t.Lag != nil {
		for _, topic := range t.Lag.Topics {
			all = append(all, lagTrigger(name, topic, *t.Lag, a.Sources))
		}
	}
	if t.Connections != nil {
		all = append(all, query("connections", a.Sources, connectionsQuery(name, a.Namespace), strconv.Itoa(t.Connections.Percent)))
	}
	if t.Requests != nil {
		all = append(all, query("requests", a.Sources, requestsQuery(name, a.Namespace), strconv.Itoa(t.Requests.PerReplica)))
	}
	for i, q := range t.Queries {
		all = append(all, query(fmt.Sprintf("query-%d", i), a.Sources, pulumi.String(count(q.Query)), decimal(q.PerReplica)))
	}
	return all
}

func cpuTrigger(container string, percent int) object {
	return object{
		"type": "cpu", "name": "cpu", "metricType": "Utilization",
		"metadata": object{"value": strconv.Itoa(percent), "containerName": container},
	}
}

// lagTrigger takes a group that has committed nothing for one that has everything to
// read.
func lagTrigger(name, topic string, lag Lag, from Sources) object {
	return object{
		"type": "kafka", "name": "lag-" + topic, "metricType": "AverageValue",
		"metadata": object{
			"bootstrapServers": from.Bootstrap, "consumerGroup": lag.Group, "topic": topic,
			"lagThreshold": strconv.Itoa(lag.PerReplica), "offsetResetPolicy": "earliest",
			"limitToPartitionsWithLag": "true", "sasl": "scram_sha512", "tls": "enable",
		},
		"authenticationRef": object{"name": accessOf(name)},
	}
}

// query counts an empty result as a failure: a series that is gone must not look like
// no load.
func query(trigger string, from Sources, query pulumi.StringInput, threshold string) object {
	return object{
		"type": "prometheus", "name": trigger, "metricType": "AverageValue",
		"metadata": object{"serverAddress": from.Prometheus, "query": query, "threshold": threshold, "ignoreNullValues": "false"},
	}
}

// count leaves out a result that is no number, such as 0/0 while nothing happens, and takes a
// negative one for 0: of either Kubernetes' autoscaler makes as many pods as it may.
func count(query string) string { return "clamp_min((" + query + "\n) > -Inf, 0)" }

// connectionsQuery adds up the pods' percentages, so that the average over the pods is
// one of a pool. Metrics are labelled as a PodMonitor does.
func connectionsQuery(name string, namespace pulumi.StringInput) pulumi.StringInput {
	pools := func(state string) pulumi.StringOutput {
		return pulumi.Sprintf(`scalestack_db_pool_connections{namespace="%s",container="%s",state="%s"}`, namespace, name, state)
	}
	return pulumi.Sprintf(`sum(max by (pod) (100 * %s / ignoring (state) %s))`, pools("in_use"), pools("max"))
}

// requestsQuery counts a pod that is scraped twice once, as connectionsQuery does.
func requestsQuery(name string, namespace pulumi.StringInput) pulumi.StringInput {
	return pulumi.Sprintf(`sum(max by (pod) (scalestack_http_requests_in_flight{namespace="%s",container="%s"}))`, namespace, name)
}

// decimal is a quantity as KEDA reads numbers.
func decimal(quantity string) string {
	q := resource.MustParse(quantity)
	return strconv.FormatFloat(q.AsApproximateFloat64(), 'f', -1, 64)
}

func (s Scaling) object() object {
	policies := list{}
	for _, limit := range s.limits() {
		policies = append(policies, object{"type": limit.kind, "value": limit.value, "periodSeconds": s.PeriodSeconds})
	}
	return object{"stabilizationWindowSeconds": *s.WindowSeconds, "selectPolicy": "Max", "policies": policies}
}

func accessOf(name string) string { return name + "-" + accessName }

// lagUser is the name with which KEDA logs in. It is no secret, and Strimzi's Secret
// does not have it.
func lagUser(name string, a *Args) *corev1.ConfigMapArgs {
	return &corev1.ConfigMapArgs{
		Metadata: a.labels(name).Meta(accessOf(name), a.Namespace),
		Data:     pulumi.StringMap{userKey: pulumi.String(a.Sources.User)},
	}
}

// lagAccess names what KEDA logs in to Kafka with, and whom it trusts.
func lagAccess(name string, a *Args, user pulumi.StringInput) *apiextensions.CustomResourceArgs {
	return custom("TriggerAuthentication", a.labels(name).Meta(accessOf(name), a.Namespace), object{
		"configMapTargetRef": list{object{"parameter": "username", "name": user, "key": userKey}},
		"secretTargetRef": list{
			object{"parameter": "password", "name": a.Sources.UserSecret, "key": "password"},
			object{"parameter": "ca", "name": a.Sources.CASecret, "key": "ca.crt"},
		},
	})
}
