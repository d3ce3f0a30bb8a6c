package main

import (
	"cmp"
	"slices"

	"github.com/scalestack/scalestack/policies/rule"
)

// autoscalerMinimum keeps critical services alive when a zone is lost.
var autoscalerMinimum = rule.Rule{
	Name: "autoscaler-minimum",
	Description: "A critical service never runs on fewer pods than it takes to lose one in a rollout and one to a " +
		"failure at the same time.",
	Settings: []rule.Setting{
		{Name: "critical", Meaning: "names of the workloads that users wait for", Default: []any{"app"}},
		{Name: "minimum", Meaning: "pods of a critical service at least", Default: 3, Minimum: 1},
	},
	Each: kinds(func(c *rule.Check, r rule.Resource) {
		if !slices.Contains(c.Texts("critical"), scaledName(r)) {
			return
		}
		for _, least := range minima(r) {
			n := least.node
			if pods, ok := n.Integer(); n.Known() && (!ok || pods < c.Number("minimum")) {
				c.Report(r, n.Path(), n.String(), "at least "+rule.NewNode(c.Number("minimum")).String(), least.fix)
			}
		}
	}, autoscalers...),
}

// scaledName is the workload's name. A Patch that leaves it out is taken for one of the
// workload that is called like the autoscaler.
func scaledName(scaler rule.Resource) string {
	if n := scaler.At("spec", "scaleTargetRef", "name"); !scaler.Patch() || n.IsText() {
		return n.Text()
	}
	return nameOf(scaler)
}

// minimum is a field that decides how few pods there may be, and how to raise it.
type minimum struct {
	node rule.Node
	fix  string
}

func minima(scaler rule.Resource) []minimum {
	const raise = "raise replicas.min of the service"
	if scaler.Kind() != "ScaledObject" {
		return []minimum{{scaler.At("spec", "minReplicas"), raise}}
	}
	all := []minimum{{scaler.At("spec", "minReplicaCount"), raise}}
	if idle := scaler.At("spec", "idleReplicaCount"); !idle.Absent() {
		all = append(all, minimum{idle, "remove triggers.lag.scaleToZeroAfterSeconds of the service"})
	}
	if paused := scaler.At("metadata", "annotations", pausedReplicas); paused.Set() {
		all = append(all, minimum{paused, "remove the annotation, which keeps that many pods whatever the load"})
	}
	return all
}

// pausedReplicas is an annotation by which KEDA stops scaling.
const pausedReplicas = "autoscaling.keda.sh/paused-replicas"

// autoscalers are the kinds that set a workload's replicas. KEDA makes an
// autoscaler of its own for each ScaledObject.
var autoscalers = []string{"HorizontalPodAutoscaler", "ScaledObject"}

// autoscalerSingle keeps two autoscalers from undoing each other.
var autoscalerSingle = rule.Rule{
	Name: "autoscaler-single",
	Description: "A workload has one autoscaler, be it a HorizontalPodAutoscaler or a KEDA ScaledObject: two of them " +
		"overwrite each other's replicas without end.",
	All: func(c *rule.Check, g rule.Graph) {
		first := map[string]rule.Resource{}
		for _, scaler := range g.Of(autoscalers...) {
			kind, name := scaleTargetOf(scaler)
			if !scaler.Kubernetes() || name == "" || !namespaceOf(scaler).Known() {
				continue
			}
			key := namespaceOf(scaler).Text() + "/" + kind + "/" + name
			if other, taken := first[key]; taken {
				c.Report(scaler, "spec.scaleTargetRef", kind+" "+name+", which "+other.String()+" scales too",
					"one autoscaler for each workload", "put all metrics into one of the two and remove the other")
				continue
			}
			first[key] = scaler
		}
	},
}

// scaleTargetOf is the workload that is scaled. The name is empty while it is
// not known. A ScaledObject without a kind scales a Deployment.
func scaleTargetOf(scaler rule.Resource) (kind, name string) {
	target := scaler.At("spec", "scaleTargetRef")
	if !target.At("kind").Known() {
		return "", ""
	}
	return cmp.Or(target.At("kind").Text(), "Deployment"), target.At("name").Text()
}
