package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

const gatewayAPI = "gateway.networking.k8s.io"

// gatewayClosed keeps a gateway from publishing more than was asked for.
var gatewayClosed = rule.Rule{
	Name: "gateway-closed",
	Description: "A route or a listener of the Gateway API is for whole host names, a route for one listener, a listener for routes of " +
		"its own namespace, a Gateway for listeners of its own; one without TLS has no route to a service, and no grant lets routes of " +
		"other namespaces lead to one. Anything else publishes a service under names, on ports or by people that nobody asked for.",
	All: func(c *rule.Check, g rule.Graph) {
		for _, r := range g {
			switch {
			case hasListeners(r):
				closedToOthers(c, r, r.At("spec", "allowedListeners", "namespaces", "from"))
				for _, listener := range r.At("spec", "listeners").Items() {
					closedListener(c, g, r, listener)
				}
			case isRoute(r):
				closedRoute(c, r)
			case r.Group() == gatewayAPI && r.Kind() == "ReferenceGrant":
				closedGrant(c, r)
			}
		}
	},
}

// hasListeners holds for a set of listeners too, which a Gateway may let others add, and for
// its experimental group.
func hasListeners(r rule.Resource) bool {
	return r.Group() == gatewayAPI && (r.Kind() == "Gateway" || r.Kind() == "ListenerSet") ||
		r.Group() == "gateway.networking.x-k8s.io" && r.Kind() == "XListenerSet"
}

// closedToOthers takes Same, which is the default of routes, and None, that of listeners.
func closedToOthers(c *rule.Check, r rule.Resource, from rule.Node) {
	if from.Set() && from.Text() != "Same" && from.Text() != "None" {
		c.Refuse(r, from, "Same", "remove it: other namespaces could publish under the host's name")
	}
}

// closedGrant takes a grant for Secrets alone, such as a certificate.
func closedGrant(c *rule.Check, grant rule.Resource) {
	for _, to := range grant.At("spec", "to").Items() {
		if kind := to.At("kind"); kind.Text() == "Service" {
			c.Refuse(grant, kind, "no Service", "remove it: routes of other namespaces could publish the service")
		}
	}
}

const hostFix = "name the host that it is for"

func closedListener(c *rule.Check, g rule.Graph, gateway rule.Resource, listener rule.Node) {
	if !listener.Known() {
		return
	}
	if host := listener.At("hostname"); !wholeHost(host) {
		c.Refuse(gateway, host, "one whole host name", hostFix)
	}
	closedToOthers(c, gateway, listener.At("allowedRoutes", "namespaces", "from"))
	if protocol := listener.At("protocol"); protocol.Text() == "HTTP" {
		for _, route := range g {
			if isRoute(route) && attaches(route, gateway, listener) && leadsSomewhere(route) {
				c.Refuse(gateway, protocol, "HTTPS where "+route.String()+" is attached",
					"attach the route to a listener with TLS; one without may only redirect")
			}
		}
	}
}

func closedRoute(c *rule.Check, route rule.Resource) {
	hosts := route.At("spec", "hostnames")
	if hosts.Known() && len(hosts.Items()) == 0 && route.Kind() != "TCPRoute" && route.Kind() != "UDPRoute" {
		c.Refuse(route, hosts, "whole host names", hostFix)
	}
	for _, host := range hosts.Items() {
		if !wholeHost(host) {
			c.Refuse(route, host, "one whole host name", hostFix)
		}
	}
	for _, parent := range route.At("spec", "parentRefs").Items() {
		if section := parent.At("sectionName"); parent.Known() && section.Absent() {
			c.Refuse(route, section, "the name of a listener", "name the listener with TLS: without a name the route is on all of them")
		}
	}
}

func isRoute(r rule.Resource) bool {
	return r.Group() == gatewayAPI && strings.HasSuffix(r.Kind(), "Route")
}

// wholeHost holds for what is not known yet too.
func wholeHost(host rule.Node) bool {
	return !host.Known() || host.Text() != "" && !strings.Contains(host.Text(), "*")
}

// attaches holds for a route on this listener, or on all of its Gateway's or set's.
func attaches(route, gateway rule.Resource, listener rule.Node) bool {
	return slices.ContainsFunc(route.At("spec", "parentRefs").Items(), func(parent rule.Node) bool {
		section := parent.At("sectionName")
		kind := cmp.Or(parent.At("kind").Text(), "Gateway")
		return kind == gateway.Kind() && parent.At("name").Text() == nameOf(gateway) && (section.Absent() || section.Text() == listener.At("name").Text())
	})
}

func leadsSomewhere(route rule.Resource) bool {
	return slices.ContainsFunc(route.At("spec", "rules").Items(), func(one rule.Node) bool {
		return len(one.At("backendRefs").Items()) > 0 || !one.At("backendRefs").Known()
	})
}

// publicRoute reports the metrics ports that a route publishes.
func publicRoute(c *rule.Check, g rule.Graph, all []podGroup, route rule.Resource) {
	for _, one := range route.At("spec", "rules").Items() {
		for _, match := range one.At("matches").Items() {
			if n := match.At("path", "value"); strings.HasPrefix(n.Text(), "/metrics") {
				c.Refuse(route, n, metricsAllowed, metricsFix)
			}
		}
		for _, backend := range one.At("backendRefs").Items() {
			service, ok := named(g, "Service", backend.At("name").Text(), route)
			for _, port := range service.At("spec", "ports").Items() {
				n := backend.At("port")
				if ok && n.Set() && n.String() == port.At("port").String() && leadsToMetrics(port, served(all, service, yes)) {
					c.Report(route, n.Path(), "a metrics port open to the public", metricsAllowed, metricsFix)
				}
			}
		}
	}
}
