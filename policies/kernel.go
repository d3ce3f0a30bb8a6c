package main

import (
	"slices"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

const appArmorAnnotation = "container.apparmor.security.beta.kubernetes.io/"

var (
	seccompTypes  = []string{"RuntimeDefault", "Localhost"}
	appArmorTypes = []string{"RuntimeDefault", "Localhost"}
	seLinuxTypes  = []string{"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
	safeSysctls   = []string{
		"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
		"net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
		"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
		"net.ipv4.tcp_keepalive_probes",
	}
)

// podKernel keeps the kernel's own protections on.
var podKernel = rule.Rule{
	Name: "pod-kernel",
	Description: "A pod keeps the kernel's protections: seccomp is asked for, AppArmor and SELinux are not weakened, " +
		"sysctls are safe ones (Pod Security Standard restricted).",
	Each: eachPod(func(c *rule.Check, p podTemplate) {
		seccomp(c, p)
		for _, context := range contexts(p) {
			oneOf(c, p, context.At("seccompProfile", "type"), seccompTypes)
			oneOf(c, p, context.At("appArmorProfile", "type"), appArmorTypes)
			oneOf(c, p, context.At("seLinuxOptions", "type"), seLinuxTypes)
			oneOf(c, p, context.At("seLinuxOptions", "user"), []string{""})
			oneOf(c, p, context.At("seLinuxOptions", "role"), []string{""})
		}
		for _, sysctl := range p.Spec.At("securityContext", "sysctls").Items() {
			oneOf(c, p, sysctl.At("name"), safeSysctls)
		}
		appArmorAnnotations(c, p)
	}),
}

// seccomp must be asked for: without a profile the kernel filters nothing.
func seccomp(c *rule.Check, p podTemplate) {
	if !p.Spec.At("securityContext", "seccompProfile", "type").Absent() {
		return
	}
	for _, container := range p.Containers() {
		if n := container.At("securityContext", "seccompProfile", "type"); n.Absent() {
			c.Refuse(p.Owner, n, "RuntimeDefault or Localhost, here or for the whole pod",
				"set securityContext.seccompProfile.type of the pod to RuntimeDefault")
		}
	}
}

func oneOf(c *rule.Check, p podTemplate, n rule.Node, allowed []string) {
	if n.IsText() && !slices.Contains(allowed, n.Text()) {
		c.Refuse(p.Owner, n, listed(allowed), "use one of these or remove it")
	}
}

func listed(values []string) string {
	var named []string
	for _, v := range values {
		if v != "" {
			named = append(named, v)
		}
	}
	if len(named) == 0 {
		return "not set"
	}
	return strings.Join(named, ", ")
}

// appArmorAnnotations are how profiles were set before Kubernetes 1.30.
func appArmorAnnotations(c *rule.Check, p podTemplate) {
	annotations := p.Meta.At("annotations")
	for _, key := range annotations.Keys() {
		n := annotations.At(key)
		weak := n.IsText() && n.Text() != "runtime/default" && !strings.HasPrefix(n.Text(), "localhost/")
		if strings.HasPrefix(key, appArmorAnnotation) && weak {
			c.Refuse(p.Owner, n, "runtime/default or localhost/<profile>", "remove the annotation")
		}
	}
}
