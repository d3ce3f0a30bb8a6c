package main

import (
	"github.com/scalestack/scalestack/policies/rule"
	"k8s.io/apimachinery/pkg/api/resource"
)

// containerResources makes every container say what it needs.
var containerResources = rule.Rule{
	Name: "container-resources",
	Description: "A container requests CPU and memory and has limits, so that the scheduler places it truthfully and " +
		"one pod cannot starve a node.",
	Settings: []rule.Setting{{
		Name: "cpuLimit", Meaning: "whether a CPU limit is demanded; without one a container may use what is idle", Default: true,
	}},
	Each: eachPod(func(c *rule.Check, p podTemplate) {
		for _, container := range append(p.Main(), p.Spec.At("initContainers").Items()...) {
			resources := container.At("resources")
			quantitySet(c, p, resources.At("requests", "cpu"))
			quantitySet(c, p, resources.At("requests", "memory"))
			quantitySet(c, p, resources.At("limits", "memory"))
			if c.On("cpuLimit") {
				quantitySet(c, p, resources.At("limits", "cpu"))
			}
			for _, name := range []string{"cpu", "memory"} {
				requestBelowLimit(c, p, resources.At("requests", name), resources.At("limits", name))
			}
		}
	}),
}

func quantitySet(c *rule.Check, p podTemplate, n rule.Node) {
	if amount, ok := parseQuantity(n); n.Known() && (!ok || amount.Sign() <= 0) {
		c.Refuse(p.Owner, n, "a quantity above 0 such as 500m or 1Gi", "set it to what the container was measured to need")
	}
}

func requestBelowLimit(c *rule.Check, p podTemplate, request, limit rule.Node) {
	low, okLow := parseQuantity(request)
	high, okHigh := parseQuantity(limit)
	if okLow && okHigh && low.Cmp(high) > 0 {
		c.Refuse(p.Owner, request, "up to the limit "+limit.String(), "raise the limit or lower the request")
	}
}

func parseQuantity(n rule.Node) (resource.Quantity, bool) {
	text := n.Text()
	if _, isNumber := n.Number(); isNumber {
		text = n.String()
	}
	amount, err := resource.ParseQuantity(text)
	return amount, err == nil
}

// containerProbes makes every program that is to keep running say whether it does.
var containerProbes = rule.Rule{
	Name: "container-probes",
	Description: "A container that is to keep running has a readiness probe, so that it gets no request too early, " +
		"and a liveness probe, so that it is restarted when it hangs.",
	Each: eachPod(func(c *rule.Check, p podTemplate) {
		if !p.Steady() {
			return
		}
		for _, container := range p.Main() {
			for _, probe := range []string{"readinessProbe", "livenessProbe"} {
				if n := container.At(probe); n.Known() && !handled(n) {
					c.Report(p.Owner, n.Path(), "not set", "a probe with exec, grpc, httpGet or tcpSocket",
						"add a "+probe+" that asks the program itself")
				}
			}
		}
	}),
}

func handled(probe rule.Node) bool {
	for _, kind := range []string{"exec", "grpc", "httpGet", "tcpSocket"} {
		if !probe.At(kind).Absent() {
			return true
		}
	}
	return false
}

// readOnlyRoot is advisory: the Pod Security Standard does not ask for it, and
// some vendors' programs write beside themselves.
var readOnlyRoot = rule.Rule{
	Name:        "container-read-only-root",
	Description: "A container's own files are read-only, so that an intruder cannot leave a program behind.",
	Level:       rule.Advisory,
	Each: eachPod(func(c *rule.Check, p podTemplate) {
		for _, container := range p.Containers() {
			if n := container.At("securityContext", "readOnlyRootFilesystem"); n.Known() && !n.True() {
				c.Refuse(p.Owner, n, "true", "set it to true and mount an emptyDir where the program writes")
			}
		}
	}),
}
