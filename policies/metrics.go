package main

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

const (
	metricsAllowed = "scrapers in the cluster or in a private network"
	metricsFix     = "name the scraper's pods in a NetworkPolicy, and publish the program's own port alone"
	// strimziMetrics is the port of Strimzi's Prometheus exporters.
	strimziMetrics = 9404
)

// metricsPrivate keeps what a program tells about itself inside.
var metricsPrivate = rule.Rule{
	Name: "metrics-private",
	Description: "No NetworkPolicy, Service, Ingress or HTTPRoute opens a metrics port to the public: metrics tell versions, names " +
		"and load. A metrics port is one whose name says metrics, prometheus or exporter, or that prometheus.io/port names.",
	All: func(c *rule.Check, g rule.Graph) {
		all := groups(g)
		for _, policy := range slices.Concat(g.Of("NetworkPolicy"), g.Patches("NetworkPolicy")) {
			publicRules(c, policy, selected(all, policy, policy.At("spec", "podSelector")))
		}
		for _, service := range slices.Concat(g.Of("Service"), g.Patches("Service")) {
			if service.Kubernetes() && publicService(service) {
				for _, port := range service.At("spec", "ports").Items() {
					if leadsToMetrics(port, served(all, service, yes)) {
						c.Report(service, port.Path(), "a metrics port open to the public", metricsAllowed, metricsFix)
					}
				}
			}
		}
		for _, ingress := range slices.Concat(g.Of("Ingress"), g.Patches("Ingress")) {
			publicBackends(c, g, all, ingress)
		}
		for _, route := range slices.Concat(g.Of("HTTPRoute", "GRPCRoute"), g.Patches("HTTPRoute", "GRPCRoute")) {
			publicRoute(c, g, all, route)
		}
	},
}

// publicRules are the rules of a policy that let the public in.
func publicRules(c *rule.Check, policy rule.Resource, pods []podGroup) {
	for _, one := range policy.At("spec", "ingress").Items() {
		if !publicPeers(one.At("from")) || !one.At("ports").Known() {
			continue
		}
		for _, group := range pods {
			for _, open := range group.metricsPorts() {
				if opens(one.At("ports"), open) {
					c.Report(policy, one.Path(), "open to the public, with the metrics port of "+group.owner.String(), metricsAllowed, metricsFix)
				}
			}
		}
	}
}

// publicPeers is true for everybody, and for a block of addresses that is not wholly
// a private one, such as the edge's.
func publicPeers(from rule.Node) bool {
	if from.Known() && len(from.Items()) == 0 {
		return true
	}
	for _, peer := range from.Items() {
		if publicBlock(peer.At("ipBlock", "cidr").Text()) {
			return true
		}
	}
	return false
}

func publicBlock(cidr string) bool {
	block, err := netip.ParsePrefix(cidr)
	return err == nil && !slices.ContainsFunc(privateBlocks, func(private netip.Prefix) bool {
		return block.Bits() >= private.Bits() && private.Contains(block.Addr())
	})
}

// privateBlocks are not routed in the internet: RFC 1918, 6598 (pods of some clouds),
// 3927, 1122, 4193 and 4291.
var privateBlocks = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("::1/128"),
}

// publicService is true for a Service that takes connections from anywhere.
func publicService(service rule.Resource) bool {
	spec := service.At("spec")
	switch spec.At("type").Text() {
	case "NodePort":
		return true
	case "LoadBalancer":
		ranges := spec.At("loadBalancerSourceRanges")
		for _, cidr := range ranges.Items() {
			if publicBlock(cidr.Text()) {
				return true
			}
		}
		return ranges.Known() && len(ranges.Items()) == 0
	}
	return len(spec.At("externalIPs").Items()) > 0
}

// publicBackends are the Services that an Ingress publishes.
func publicBackends(c *rule.Check, g rule.Graph, all []podGroup, ingress rule.Resource) {
	backends := []rule.Node{ingress.At("spec", "defaultBackend")}
	for _, host := range ingress.At("spec", "rules").Items() {
		for _, path := range host.At("http", "paths").Items() {
			backends = append(backends, path.At("backend"))
			if n := path.At("path"); strings.HasPrefix(n.Text(), "/metrics") {
				c.Refuse(ingress, n, metricsAllowed, metricsFix)
			}
		}
	}
	for _, backend := range backends {
		n := backend.At("service", "port")
		service, ok := named(g, "Service", backend.At("service", "name").Text(), ingress)
		for _, port := range service.At("spec", "ports").Items() {
			chosen := same(n.At("name"), port.At("name")) == yes || n.At("number").Set() && n.At("number").String() == port.At("port").String()
			if ok && chosen && leadsToMetrics(port, served(all, service, yes)) {
				c.Report(ingress, n.Path(), "a metrics port open to the public", metricsAllowed, metricsFix)
			}
		}
	}
}

var metricsName = regexp.MustCompile(`(?i)metrics|prometheus|exporter`)

// metricsPorts are the ports, as a container declares them, where the pods
// serve metrics.
func (p podGroup) metricsPorts() []rule.Node {
	if p.foreign {
		return []rule.Node{rule.NewNode(map[string]any{"name": "tcp-prometheus", "containerPort": strimziMetrics})}
	}
	scraped := p.pods.Meta.At("annotations", "prometheus.io/port").Text()
	var found []rule.Node
	for _, container := range p.pods.Containers() {
		for _, port := range container.At("ports").Items() {
			if metricsName.MatchString(port.At("name").Text()) || scraped != "" && port.At("containerPort").String() == scraped {
				found = append(found, port)
			}
		}
	}
	return found
}

// opens is true when a policy's ports hold the port. No ports are all of them.
func opens(ports, port rule.Node) bool {
	number, _ := port.At("containerPort").Number()
	for _, one := range ports.Items() {
		first, isNumber := one.At("port").Number()
		last, isRange := one.At("endPort").Number()
		switch {
		case one.At("port").Absent(), isNumber && first == number, isRange && first <= number && number <= last,
			!isNumber && one.At("port").IsText() && one.At("port").Text() == port.At("name").Text():
			return true
		}
	}
	return len(ports.Items()) == 0
}

// leadsToMetrics is true for a Service's port that by name or target is one.
func leadsToMetrics(port rule.Node, pods []podGroup) bool {
	target := port.At("targetPort")
	if target.Absent() {
		target = port.At("port")
	}
	if metricsName.MatchString(port.At("name").Text()) || metricsName.MatchString(target.Text()) {
		return true
	}
	for _, group := range pods {
		for _, open := range group.metricsPorts() {
			if target.Known() && open.Known() && leads(target, open) {
				return true
			}
		}
	}
	return false
}
