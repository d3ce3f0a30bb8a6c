package redis

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

// Args describe the cache. A zero field means its default.
type Args struct {
	// Namespace of all objects. Default: "scalestack".
	Namespace pulumi.StringInput `json:"-" pulumi:"namespace,optional"`

	// Nodes is the number of servers. Each has the keys of its own slots, which the
	// services compute. docs/cache.md has the rule, and the steps for changing the number
	// in a running stack.
	Nodes int `json:"nodes" pulumi:"nodes,optional" default:"1" min:"1" max:"32"`

	// AlsoInvalidate is a second number of servers, by whose slots the services also
	// invalidate entries while Nodes changes: the new number before the change, the old one
	// after it. Default: none.
	AlsoInvalidate int `json:"alsoInvalidate" pulumi:"alsoInvalidate,optional" min:"0" max:"32"`

	// Image of Redis 7, with a tag or a digest. It must have sh, redis-server and redis-cli
	// on its PATH.
	Image pulumi.StringInput `json:"image" pulumi:"image,optional" default:"redis:7.2.4" format:"image"`

	// ImagePullPolicy says when nodes fetch the image.
	ImagePullPolicy pulumi.StringInput `json:"imagePullPolicy" pulumi:"imagePullPolicy,optional" default:"IfNotPresent" enum:"IfNotPresent,Always,Never"`

	// Resources of each server's pod. Memory must be at least 64Mi. Redis runs commands on
	// one core.
	Resources k8s.Resources `json:"resources" pulumi:"resources,optional" default:"{\"cpuRequest\":\"100m\",\"memory\":\"256Mi\"}"`

	// MaxMemoryPercent is the share of the memory limit that is for data.
	MaxMemoryPercent int `json:"maxMemoryPercent" pulumi:"maxMemoryPercent,optional" default:"75" min:"10" max:"90"`

	// EvictionPolicy chooses which keys a full cache evicts: the least often used
	// (allkeys-lfu), the least recently used (allkeys-lru), random ones (allkeys-random),
	// those that expire next (volatile-ttl), or only keys with a lifetime, by the same
	// rules. The default keeps popular keys when a scan reads many others.
	EvictionPolicy string `json:"evictionPolicy" pulumi:"evictionPolicy,optional" default:"allkeys-lfu" enum:"allkeys-lfu,allkeys-lru,allkeys-random,volatile-ttl,volatile-lru,volatile-lfu,volatile-random"`

	// KeyPatterns are the keys that user app may use, as Redis globs; at least one.
	KeyPatterns []string `json:"keyPatterns" pulumi:"keyPatterns,optional" default:"[\"user_profile:*\"]"`

	// Commands are the ACL rules of user app, beside its keys. Default: those that
	// cache-aside needs, see DefaultCommands.
	Commands []string `json:"-" pulumi:"commands,optional"`

	// TLS encrypts all connections, on port 6380, and lets clients verify the servers.
	// Adding, changing or removing it restarts Redis once, with an empty cache; docs/tls.md
	// says how. Default: none; passwords and entries cross the network in clear text.
	TLS *k8s.TLS `json:"tls" pulumi:"tls,optional"`

	// IngressFrom may connect to Redis. A stack adds the services that use the cache.
	// Default: nobody.
	IngressFrom []k8s.Peer `json:"ingressFrom" pulumi:"ingressFrom,optional"`

	// Opened are policies that let in more than IngressFrom. The component's own policy changes
	// after them, as it may close what they open.
	Opened []pulumi.Resource `json:"-"`

	// Exporter serves Redis' statistics as metrics. An empty object uses the defaults.
	// Adding or removing it restarts Redis once, because its list of users changes.
	// Default: none.
	Exporter *Exporter `json:"exporter" pulumi:"exporter,optional"`

	// PasswordRotation counts how often the password was changed. Raise it by one for a new one,
	// and by one again, minutes later, to shut out who knows the one of before: servers take both,
	// because kubelets bring pods the new one within two minutes. Each restarts the servers, one
	// after the other.
	PasswordRotation int `json:"passwordRotation" pulumi:"passwordRotation,optional" min:"0" max:"1000000"`
	// Later are rotations that began and were taken back. Pods may have their passwords, so that
	// servers take them too. Default: none.
	Later []int `json:"-"`

	// MaxClients is the most clients that may be connected to one server. Others are
	// refused and go without the cache. The exporter and each probe take one connection
	// while they ask.
	MaxClients int `json:"maxClients" pulumi:"maxClients,optional" default:"1000" min:"10" max:"100000"`

	// TerminationGraceSeconds is the time from the stop request to SIGKILL. Redis has
	// nothing to save.
	TerminationGraceSeconds int `json:"terminationGraceSeconds" pulumi:"terminationGraceSeconds,optional" default:"15" min:"1" max:"3600"`

	// PriorityClass of the pod. Default: the cluster's.
	PriorityClass pulumi.StringInput `json:"priorityClass" pulumi:"priorityClass,optional"`

	// NodeSelector limits the pod to nodes with these labels. Default: any node.
	NodeSelector pulumi.StringMapInput `json:"nodeSelector" pulumi:"nodeSelector,optional"`

	// Tolerations let the pod onto tainted nodes. Default: none.
	Tolerations []k8s.Toleration `json:"tolerations" pulumi:"tolerations,optional"`

	// Resolvers are the cluster's DNS servers, the only ones that the exporter's pod may ask, on port 53.
	// Default: any.
	Resolvers []k8s.Peer `json:"-" pulumi:"resolvers,optional"`
}

// Exporter is a pod for each server that asks it how it is: redis_exporter.
type Exporter struct {
	// Image of redis_exporter 1.45 or later, with a tag or a digest.
	Image pulumi.StringInput `json:"image" pulumi:"image,optional" default:"oliver006/redis_exporter:v1.74.0" format:"image"`
	// ImagePullPolicy says when nodes fetch the image.
	ImagePullPolicy pulumi.StringInput `json:"imagePullPolicy" pulumi:"imagePullPolicy,optional" default:"IfNotPresent" enum:"IfNotPresent,Always,Never"`
	// Resources of the pod.
	Resources k8s.Resources `json:"resources" pulumi:"resources,optional" default:"{\"cpuRequest\":\"10m\",\"cpuLimit\":\"200m\",\"memory\":\"64Mi\"}"`
	// PullSecret is the Secret in Namespace with which nodes pull the image. Default:
	// none.
	PullSecret string `json:"-" pulumi:"pullSecret,optional" format:"label"`
	// MetricsFrom may read the metrics. Default: nobody.
	MetricsFrom []k8s.Peer `json:"metricsFrom" pulumi:"metricsFrom,optional"`
}

// DefaultCommands are the ACL rules that cache-aside needs: read, write with a
// lifetime, delete, and a short script for a write that must not undo a newer
// one. Categories come first, because later rules win.
func DefaultCommands() []string {
	return []string{
		"+@connection", "-@dangerous",
		"+get", "+mget", "+exists", "+ttl", "+pttl",
		"+set", "+del", "+unlink", "+expire", "+pexpire",
		"+eval", "+evalsha", "+script|load",
	}
}

// withDefaults returns a copy with every default filled in.
func (a *Args) withDefaults() *Args {
	c := settings.WithDefaults(a)
	c.Namespace = kube.Namespace(c.Namespace)
	return c
}

// Complete gives user app the default commands.
func (a *Args) Complete() {
	if len(a.Commands) == 0 {
		a.Commands = DefaultCommands()
	}
}
