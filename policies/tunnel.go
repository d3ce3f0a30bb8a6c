package main

import (
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

const tunnelConfigType = "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig"

// tunnelClosed keeps a tunnel from leading to more than was asked for.
var tunnelClosed = rule.Rule{
	Name: "tunnel-closed",
	Description: "A tunnel leads each host name that it lists to one service and answers everything else itself: a rule without a " +
		"host name, a wildcard or WARP routing opens the cluster to whoever finds a name.",
	Each: func(c *rule.Check, r rule.Resource) {
		if r.Type != tunnelConfigType {
			return
		}
		config := r.At("config")
		if warp := config.At("warpRouting", "enabled"); warp.True() {
			c.Refuse(r, warp, "false", "leave warpRouting out: it opens the cluster's addresses")
		}
		rules := config.At("ingressRules")
		if !rules.Known() {
			return
		}
		items := rules.Items()
		for i, one := range items {
			if i == len(items)-1 {
				lastRule(c, r, one)
				continue
			}
			if host := one.At("hostname"); host.Known() && (host.Text() == "" || strings.Contains(host.Text(), "*")) {
				c.Refuse(r, host, "one whole host name", "name the host that the rule is for")
			}
		}
	},
}

func lastRule(c *rule.Check, r rule.Resource, last rule.Node) {
	if service := last.At("service"); service.Known() && !strings.HasPrefix(service.Text(), "http_status:4") {
		c.Refuse(r, service, "http_status:404", "end the rules with one that refuses what no other is for")
	}
}
