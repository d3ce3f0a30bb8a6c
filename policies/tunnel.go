package main

import (
	"slices"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

// tunnelClosed keeps a tunnel from leading to more than was asked for.
var tunnelClosed = rule.Rule{
	Name: "tunnel-closed",
	Description: "A tunnel leads each host name that it lists to one service and answers everything else itself: a rule without a " +
		"host name, a wildcard, WARP routing, a proxy for any address (bastion, SOCKS) or a route for a network opens the cluster to " +
		"whoever finds a name or an address.",
	Each: func(c *rule.Check, r rule.Resource) {
		switch {
		case r.Cloudflare("ZeroTrustTunnelCloudflaredConfig"):
			closedConfig(c, r, r.At().Block("config"))
		case r.Cloudflare("ZeroTrustTunnelRoute"), r.Cloudflare("ZeroTrustTunnelCloudflaredRoute"):
			c.Report(r, "the route", "to the network "+r.At("network").String(), "no route: a tunnel is for host names",
				"remove it, and give each service a host name in the tunnel's configuration")
		}
	},
}

func closedConfig(c *rule.Check, r rule.Resource, config rule.Node) {
	warp := config.Block("warpRouting").At("enabled")
	if closed, ok := warp.Truth(); warp.Set() && (closed || !ok) {
		c.Refuse(r, warp, "false", "leave warpRouting out: it opens the cluster's addresses")
	}
	noProxy(c, r, config.Block("originRequest"))
	// The second name is that of the SDK's version 6.
	items := slices.Concat(config.At("ingressRules").Items(), config.At("ingresses").Items())
	for i, one := range items {
		noProxy(c, r, one.Block("originRequest"))
		if service := one.At("service"); service.Text() == "bastion" || service.Text() == "socks-proxy" {
			c.Refuse(r, service, "the address of one service", proxyFix)
		}
		if i == len(items)-1 {
			lastRule(c, r, one)
			continue
		}
		if host := one.At("hostname"); host.Known() && (host.Text() == "" || strings.Contains(host.Text(), "*")) {
			c.Refuse(r, host, "one whole host name", "name the host that the rule is for")
		}
	}
}

const proxyFix = "name the service: whoever calls this host chooses an address of the cluster"

// noProxy refuses what makes cloudflared connect to where the caller asks it to.
func noProxy(c *rule.Check, r rule.Resource, request rule.Node) {
	bastion, socks := request.At("bastionMode"), request.At("proxyType")
	if open, ok := bastion.Truth(); bastion.Set() && (open || !ok) {
		c.Refuse(r, bastion, "false", proxyFix)
	}
	if socks.Set() && socks.Text() != "" {
		c.Refuse(r, socks, "no proxy", proxyFix)
	}
}

func lastRule(c *rule.Check, r rule.Resource, last rule.Node) {
	if service := last.At("service"); service.Known() && !strings.HasPrefix(service.Text(), "http_status:4") {
		c.Refuse(r, service, "http_status:404", "end the rules with one that refuses what no other is for")
	}
}
