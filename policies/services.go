package main

import (
	"strconv"

	"github.com/scalestack/scalestack/policies/rule"
)

// serviceExposure keeps Services inside the cluster.
var serviceExposure = rule.Rule{
	Name: "service-exposure",
	Description: "A Service opens no port on the nodes and takes no address of its own choice: who may come in is the " +
		"ingress's matter. So do the Services that Strimzi makes for Kafka's listeners.",
	Each: func(c *rule.Check, r rule.Resource) {
		switch {
		case !r.Kubernetes():
		case r.Kind() == "Service":
			closedService(c, r)
		case r.Kind() == "Kafka":
			closedListeners(c, r)
		}
	},
}

// closedListeners allows the listeners that stay in the cluster.
func closedListeners(c *rule.Check, r rule.Resource) {
	for _, listener := range r.At("spec", "kafka", "listeners").Items() {
		if n := listener.At("type"); n.Known() && n.Text() != "internal" && n.Text() != "cluster-ip" {
			c.Refuse(r, n, "internal or cluster-ip", "make it internal: others open every broker to whoever reaches a node or a load balancer")
		}
	}
}

func closedService(c *rule.Check, r rule.Resource) {
	spec := r.At("spec")
	if n := spec.At("type"); n.Text() == "NodePort" {
		c.Refuse(r, n, "ClusterIP or ExternalName", "use ClusterIP and an Ingress in front of it")
	}
	// Left out of a Patch it most likely is what the API takes: true.
	if n := r.Stated("spec", "allocateLoadBalancerNodePorts"); spec.At("type").Text() == "LoadBalancer" && n.Known() && !n.False() {
		c.Refuse(r, n, "false for a LoadBalancer", "set it to false: otherwise each port is open on every node too")
	}
	if n := spec.At("externalIPs"); len(n.Items()) > 0 {
		c.Refuse(r, n, "not set", "remove externalIPs: with them a Service takes over other people's addresses")
	}
	for _, port := range spec.At("ports").Items() {
		if n := port.At("nodePort"); n.Set() && n.String() != "0" {
			c.Refuse(r, n, "not set", "remove nodePort")
		}
	}
}

// servicePort finds ports that lead nowhere.
var servicePort = rule.Rule{
	Name:        "service-port",
	Description: "Some container behind a Service listens on each of its ports: otherwise every connection is refused.",
	All: func(c *rule.Check, g rule.Graph) {
		all := groups(g)
		for _, service := range g.Of("Service") {
			if len(service.At("spec", "selector").Keys()) == 0 {
				continue
			}
			for _, pods := range served(all, service, yes) {
				for _, port := range service.At("spec", "ports").Items() {
					requireListener(c, service, port, pods)
				}
			}
		}
	},
}

func requireListener(c *rule.Check, service rule.Resource, port rule.Node, pods podGroup) {
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
			if !one.Known() || leads(target, one) && (protocolOf(port) == protocolOf(one) || !one.At("protocol").Known()) {
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

func protocolOf(port rule.Node) string {
	if n := port.At("protocol"); n.IsText() {
		return n.Text()
	}
	return "TCP"
}

func describe(port rule.Node) string {
	return port.At("containerPort").String() + " (" + port.At("name").Text() + ", " + protocolOf(port) + ")"
}
