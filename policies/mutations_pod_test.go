package main

const (
	web   = "Deployment app"
	db    = "StatefulSet postgres-shard-0"
	pods  = "spec.template.spec."
	main0 = pods + "containers[0]."
	init0 = pods + "initContainers[0]."
)

// podMutations break the Pod Security Standard.
var podMutations = map[string]mutation{
	"host network": {policy: "pod-isolation", says: "Deployment scalestack/app: spec.template.spec.hostNetwork is true, allowed: false or not set. Fix: remove hostNetwork.",
		edits: edits(set(web, pods+"hostNetwork", true))},
	"host processes":       {policy: "pod-isolation", says: "hostPID is true", edits: edits(set(db, pods+"hostPID", true))},
	"host memory":          {policy: "pod-isolation", says: "hostIPC is true", edits: edits(set(db, pods+"hostIPC", true))},
	"host port":            {policy: "pod-isolation", says: "ports[0].hostPort is 80", edits: edits(set(web, main0+"ports[0].hostPort", 80.0))},
	"probe of a host":      {policy: "pod-isolation", says: "readinessProbe.httpGet.host", edits: edits(set(web, main0+"readinessProbe.httpGet.host", "169.254.169.254"))},
	"hook to a host":       {policy: "pod-isolation", says: "preStop.tcpSocket.host", edits: edits(set(web, main0+"lifecycle.preStop.tcpSocket.host", "10.0.0.1"))},
	"Windows host process": {policy: "pod-isolation", says: "hostProcess is true", edits: edits(set(web, main0+"securityContext.windowsOptions.hostProcess", true))},

	"folder of the node": {policy: "pod-volumes", says: "volumes[0] is of type hostPath", edits: edits(
		set(web, pods+"volumes[0]", map[string]any{"name": "shard-map", "hostPath": map[string]any{"path": "/"}}))},
	"network file system": {policy: "pod-volumes", says: "of type nfs", edits: edits(
		set(db, pods+"volumes[0]", map[string]any{"name": "data", "nfs": map[string]any{"server": "a", "path": "/"}}))},

	"privileged":                      {policy: "pod-privileges", says: "privileged is true", edits: edits(set(web, main0+"securityContext.privileged", true))},
	"escalation not forbidden":        {policy: "pod-privileges", says: "allowPrivilegeEscalation is not set, allowed: false", edits: edits(unset(web, main0+"securityContext.allowPrivilegeEscalation"))},
	"escalation of an init container": {policy: "pod-privileges", says: "initContainers[0].securityContext.allowPrivilegeEscalation is true", edits: edits(set(db, init0+"securityContext.allowPrivilegeEscalation", true))},
	"capabilities kept":               {policy: "pod-privileges", says: `drop is not set, allowed: a list with "ALL"`, edits: edits(unset(web, main0+"securityContext.capabilities"))},
	"some capabilities kept":          {policy: "pod-privileges", says: `drop is ["NET_RAW"]`, edits: edits(set(web, main0+"securityContext.capabilities.drop", []any{"NET_RAW"}))},
	"capability added":                {policy: "pod-privileges", says: `add[0] is "SYS_ADMIN"`, edits: edits(set(web, main0+"securityContext.capabilities.add", []any{"SYS_ADMIN"}))},
	"open proc":                       {policy: "pod-privileges", says: `procMount is "Unmasked"`, edits: edits(set(web, main0+"securityContext.procMount", "Unmasked"))},
	"job with privileges":             {policy: "pod-privileges", says: "Job scalestack/app-migrate", edits: edits(set("Job app-migrate-*", main0+"securityContext.privileged", true))},
	"ephemeral container": {policy: "pod-privileges", says: "ephemeralContainers[0].securityContext.privileged is true", edits: edits(
		set(web, pods+"ephemeralContainers", []any{map[string]any{
			"name": "debug", "image": "scalestack/debug:1@sha256:1111111111111111111111111111111111111111111111111111111111111111",
			"securityContext": map[string]any{
				"privileged": true, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
				"capabilities": map[string]any{"drop": []any{"ALL"}},
			},
		}}))},

	"root":                   {policy: "pod-user", says: "runAsUser is 0", edits: edits(set(db, pods+"securityContext.runAsUser", 0.0))},
	"root in one container":  {policy: "pod-user", says: "initContainers[0].securityContext.runAsUser is 0", edits: edits(set(db, init0+"securityContext.runAsUser", 0.0))},
	"root not forbidden":     {policy: "pod-user", says: "runAsNonRoot is false", edits: edits(set(web, main0+"securityContext.runAsNonRoot", false))},
	"root nowhere forbidden": {policy: "pod-user", says: "runAsNonRoot is not set", edits: edits(unset(web, main0+"securityContext.runAsNonRoot"), unset(web, pods+"securityContext.runAsNonRoot"))},

	"no seccomp":            {policy: "pod-kernel", says: "seccompProfile.type is not set", edits: edits(unset(web, pods+"securityContext.seccompProfile"))},
	"seccomp off":           {policy: "pod-kernel", says: `seccompProfile.type is "Unconfined"`, edits: edits(set(web, main0+"securityContext.seccompProfile.type", "Unconfined"))},
	"AppArmor off":          {policy: "pod-kernel", says: `appArmorProfile.type is "Unconfined"`, edits: edits(set(web, pods+"securityContext.appArmorProfile.type", "Unconfined"))},
	"AppArmor off, old way": {policy: "pod-kernel", says: `is "unconfined", allowed: runtime/default`, edits: edits(set(web, `spec.template.metadata.annotations["container.apparmor.security.beta.kubernetes.io/app"]`, "unconfined"))},
	"SELinux type":          {policy: "pod-kernel", says: `seLinuxOptions.type is "spc_t"`, edits: edits(set(web, pods+"securityContext.seLinuxOptions.type", "spc_t"))},
	"SELinux user":          {policy: "pod-kernel", says: `seLinuxOptions.user is "root", allowed: not set`, edits: edits(set(web, pods+"securityContext.seLinuxOptions.user", "root"))},
	"unsafe sysctl":         {policy: "pod-kernel", says: `sysctls[0].name is "kernel.msgmax"`, edits: edits(set(web, pods+"securityContext.sysctls", []any{env("kernel.msgmax", "1")}))},
}
