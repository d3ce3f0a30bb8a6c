package cross

import (
	"strconv"

	"github.com/scalestack/scalestack/policies/kube"
	"github.com/scalestack/scalestack/policies/rule"
)

// ServicePort finds ports that lead nowhere.
var ServicePort = rule.Rule{
	Name:        "service-port",
	Description: "Some container behind a Service listens on each of its ports: otherwise every connection is refused.",
	All: func(c *rule.Check, g rule.Graph) {
		all := groups(g)
		for _, service := range g.Of("Service") {
			if len(service.At("spec", "selector").Keys()) == 0 {
				continue
			}
			for _, pods := range served(all, service, kube.Yes) {
				for _, port := range service.At("spec", "ports").Items() {
					listened(c, service, port, pods)
				}
			}
		}
	},
}

func listened(c *rule.Check, service rule.Resource, port rule.Node, pods group) {
	target := port.At("targetPort")
	if target.Absent() {
		target = port.At("port")
	}
	if pods.foreign || !target.Known() || !port.At("protocol").Known() || !pods.pods.Spec.At("containers").Known() {
		return
	}
	var open string
	for _, container := range pods.pods.Main() {
		if !container.At("ports").Known() {
			return
		}
		for _, one := range container.At("ports").Items() {
			if !one.Known() || leads(target, one) && (protocol(port) == protocol(one) || !one.At("protocol").Known()) {
				return
			}
			open += ", " + describe(one)
		}
	}
	if open == "" {
		open = ", none"
	}
	c.Refuse(service, target, "a port of "+pods.owner.String()+": "+open[2:], "name a port that the container declares")
}

func leads(target, port rule.Node) bool {
	number, isNumber := target.Number()
	if !isNumber {
		parsed, err := strconv.Atoi(target.Text())
		number, isNumber = parsed, err == nil
	}
	if isNumber {
		open, _ := port.At("containerPort").Number()
		return open == number || !port.At("containerPort").Known()
	}
	return port.At("name").Text() == target.Text() || !port.At("name").Known()
}

func protocol(port rule.Node) string {
	if n := port.At("protocol"); n.IsText() {
		return n.Text()
	}
	return "TCP"
}

func describe(port rule.Node) string {
	return port.At("containerPort").String() + " (" + port.At("name").Text() + ", " + protocol(port) + ")"
}
