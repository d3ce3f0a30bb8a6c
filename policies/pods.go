package main

import (
	"slices"

	"github.com/scalestack/scalestack/policies/rule"
)

// eachPod makes a policy's function of one that looks at pods.
func eachPod(look func(*rule.Check, podTemplate)) func(*rule.Check, rule.Resource) {
	return func(c *rule.Check, r rule.Resource) {
		for _, pods := range podsIn(r) {
			look(c, pods)
		}
	}
}

// podIsolation keeps pods off the node they run on.
var podIsolation = rule.Rule{
	Name:        "pod-isolation",
	Description: "A pod shares no network, process table or port with its node (Pod Security Standard baseline).",
	Each: eachPod(func(c *rule.Check, p podTemplate) {
		for _, field := range []string{"hostNetwork", "hostPID", "hostIPC"} {
			if n := p.Spec.At(field); n.True() {
				c.Refuse(p.Owner, n, "false or not set", "remove "+field)
			}
		}
		for _, n := range contexts(p) {
			if host := n.At("windowsOptions", "hostProcess"); host.True() {
				c.Refuse(p.Owner, host, "false or not set", "remove hostProcess")
			}
		}
		for _, container := range p.Containers() {
			hostPorts(c, p, container)
			hostAddresses(c, p, container)
		}
	}),
}

func hostPorts(c *rule.Check, p podTemplate, container rule.Node) {
	for _, port := range container.At("ports").Items() {
		n := port.At("hostPort")
		if number, _ := n.Number(); number != 0 {
			c.Refuse(p.Owner, n, "not set", "remove hostPort and reach the pod through a Service")
		}
	}
}

// hostAddresses are the hosts of probes and hooks: with one, the node's kubelet
// calls wherever the pod's author wants.
func hostAddresses(c *rule.Check, p podTemplate, container rule.Node) {
	for _, handler := range handlers(container) {
		for _, kind := range []string{"httpGet", "tcpSocket"} {
			if n := handler.At(kind, "host"); n.Set() && n.Text() != "" {
				c.Refuse(p.Owner, n, "not set, the pod itself", "remove host")
			}
		}
	}
}

func handlers(container rule.Node) []rule.Node {
	return []rule.Node{
		container.At("livenessProbe"), container.At("readinessProbe"), container.At("startupProbe"),
		container.At("lifecycle", "postStart"), container.At("lifecycle", "preStop"),
	}
}

// contexts are the security contexts of the pod and of each container.
func contexts(p podTemplate) []rule.Node {
	all := []rule.Node{p.Spec.At("securityContext")}
	for _, container := range p.Containers() {
		all = append(all, container.At("securityContext"))
	}
	return all
}

var volumeTypes = []string{
	"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}

// podVolumes keeps the node's files away from pods.
var podVolumes = rule.Rule{
	Name:        "pod-volumes",
	Description: "A pod mounts only volume types that cannot reach the node (Pod Security Standard restricted).",
	Each: eachPod(func(c *rule.Check, p podTemplate) {
		for _, volume := range p.Spec.At("volumes").Items() {
			for _, key := range volume.Keys() {
				if key != "name" && volume.At(key).Set() && !slices.Contains(volumeTypes, key) {
					c.Report(p.Owner, volume.Path(), "of type "+key,
						"configMap, csi, downwardAPI, emptyDir, ephemeral, persistentVolumeClaim, projected and secret",
						"claim a PersistentVolume, or use an emptyDir for scratch space")
				}
			}
		}
	}),
}

// podPrivileges keeps containers without any.
var podPrivileges = rule.Rule{
	Name: "pod-privileges",
	Description: "A container has no privileges, cannot gain any and drops all capabilities " +
		"(Pod Security Standard restricted).",
	Each: eachPod(func(c *rule.Check, p podTemplate) {
		for _, container := range p.Containers() {
			context := container.At("securityContext")
			if n := context.At("privileged"); n.True() {
				c.Refuse(p.Owner, n, "false or not set", "remove privileged")
			}
			if n := context.At("allowPrivilegeEscalation"); n.Known() && !n.False() {
				c.Refuse(p.Owner, n, "false", "set allowPrivilegeEscalation to false")
			}
			if n := context.At("procMount"); n.IsText() && n.Text() != "Default" {
				c.Refuse(p.Owner, n, "Default or not set", "remove procMount")
			}
			capabilitiesDropped(c, p, context.At("capabilities"))
		}
	}),
}

func capabilitiesDropped(c *rule.Check, p podTemplate, n rule.Node) {
	if dropped, known := n.At("drop").Texts(); known && !slices.Contains(dropped, "ALL") {
		c.Refuse(p.Owner, n.At("drop"), `a list with "ALL"`, "drop ALL")
	}
	for _, added := range n.At("add").Items() {
		if added.IsText() && added.Text() != "NET_BIND_SERVICE" {
			c.Refuse(p.Owner, added, "NET_BIND_SERVICE alone", "remove it; most programs need no capability")
		}
	}
}

// podUser keeps containers from running as root.
var podUser = rule.Rule{
	Name:        "pod-user",
	Description: "No container runs as root (Pod Security Standard restricted).",
	Each: eachPod(func(c *rule.Check, p podTemplate) {
		whole := p.Spec.At("securityContext", "runAsNonRoot")
		for _, container := range p.Containers() {
			n := container.At("securityContext", "runAsNonRoot")
			if n.False() || n.Absent() && whole.Known() && !whole.True() {
				c.Refuse(p.Owner, n, "true, here or for the whole pod", "set runAsNonRoot to true and run as a user above 0")
			}
		}
		for _, context := range contexts(p) {
			n := context.At("runAsUser")
			if id, ok := n.Number(); ok && id == 0 {
				c.Refuse(p.Owner, n, "any user above 0", "run as the image's own user")
			}
		}
	}),
}
