package main

import (
	"net/netip"
	"slices"

	"github.com/scalestack/scalestack/policies/rule"
)

// networkRule is one rule of a NetworkPolicy: peers that may use ports.
type networkRule struct {
	node, peers rule.Node
}

// networkRules are a policy's rules for Ingress or Egress.
func networkRules(policy rule.Resource, direction string) []networkRule {
	field, peers := "ingress", "from"
	if direction == "Egress" {
		field, peers = "egress", "to"
	}
	var all []networkRule
	for _, node := range policy.At("spec", field).Items() {
		if node.Known() {
			all = append(all, networkRule{node, node.At(peers)})
		}
	}
	return all
}

// anyone is true for a rule that leaves the peers out, or names the public or every pod.
func (r networkRule) anyone() bool {
	return empty(r.peers) || slices.ContainsFunc(r.peers.Items(), func(peer rule.Node) bool { return everyPod(peer) || wide(peer) })
}

// allPorts is true for a rule that leaves the ports out or names every port of
// a protocol.
func (r networkRule) allPorts() bool {
	ports := r.node.At("ports")
	return empty(ports) || slices.ContainsFunc(ports.Items(), func(port rule.Node) bool {
		first, isNumber := port.At("port").Integer()
		last, _ := port.At("endPort").Integer()
		return port.Known() && port.At("port").Absent() || isNumber && first <= 1 && last >= 65535
	})
}

// everything is true for a rule that closes nothing.
func (r networkRule) everything() bool { return r.anyone() && r.allPorts() }

// wide is true for a block of public addresses as large as a /8, or a /16 of IPv6:
// 0.0.0.0/0 in pieces is still everybody.
func wide(peer rule.Node) bool {
	block, err := netip.ParsePrefix(peer.At("ipBlock", "cidr").Text())
	if err != nil || !publicBlock(block.String()) {
		return false
	}
	return block.Bits() <= 8 || block.Addr().Is6() && block.Bits() <= 16
}

// everyPod is true for a peer that is all pods of the cluster.
func everyPod(peer rule.Node) bool {
	all, pods := peer.At("namespaceSelector"), peer.At("podSelector")
	return all.IsObject() && selectsAll(all) && (pods.Absent() || selectsAll(pods))
}

// empty is true for a list that is known to have no items.
func empty(list rule.Node) bool {
	return list.Absent() || list.IsList() && len(list.Items()) == 0
}
