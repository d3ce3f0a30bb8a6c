package redis

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

type (
	// Resources are a container's CPU and memory.
	Resources = kube.Resources
	// Peer is who may connect.
	Peer = kube.Peer
)

// Args describe the cache. A zero field means its default.
type Args struct {
	// Namespace of all objects. Default: "scalestack".
	Namespace pulumi.StringInput

	// Image of Redis 7, with a tag or a digest. It has sh, redis-server and
	// redis-cli on its PATH. Default: "redis:7.2.4".
	Image string

	// ImagePullPolicy is IfNotPresent, Always or Never. Default: IfNotPresent.
	ImagePullPolicy string

	// Resources of the pod. Memory is at least 64Mi. Redis runs commands on one
	// core. Default: 100m requested without a limit, 256Mi.
	Resources Resources

	// MaxMemoryPercent of the memory limit is for data, 10 to 90. Default: 75.
	MaxMemoryPercent int

	// EvictionPolicy is what goes when the memory is full: allkeys-lfu (the
	// least often used), allkeys-lru (the longest unused), allkeys-random,
	// volatile-ttl (the next to expire), volatile-lru, volatile-lfu or
	// volatile-random. Default: allkeys-lfu, because a scan over many users
	// does not push out those that are asked for all the time.
	EvictionPolicy string

	// KeyPatterns are the keys that user app may touch, as Redis globs.
	// Default: user_profile:*.
	KeyPatterns []string

	// Commands are the ACL rules of user app, beside its keys. Default: see
	// DefaultCommands.
	Commands []string

	// Callers may connect. Default: nobody.
	Callers []Peer

	// PasswordRotation may be any text. Changing it generates a new password
	// and restarts Redis. Default: "".
	PasswordRotation string

	// MaxClients at one time, 10 to 100000. Default: 1000.
	MaxClients int

	// TerminationGraceSeconds is the time from the stop request to SIGKILL, 1
	// to 3600. There is nothing to save. Default: 15.
	TerminationGraceSeconds int

	// PriorityClass of the pod. Default: the cluster's.
	PriorityClass string

	// NodeSelector limits the pod to nodes with these labels. Default: any.
	NodeSelector map[string]string

	// Tolerations let the pod onto tainted nodes. Default: none.
	Tolerations corev1.TolerationArray
}

// DefaultCommands are what cache-aside needs: read, write with a lifetime,
// delete, and a short script for a write that must not undo a newer one.
// Categories come first, because later rules win.
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
	var c Args
	if a != nil {
		c = *a
	}
	if c.Namespace == nil {
		c.Namespace = pulumi.String(kube.DefaultNamespace)
	}
	if len(c.KeyPatterns) == 0 {
		c.KeyPatterns = []string{"user_profile:*"}
	}
	if len(c.Commands) == 0 {
		c.Commands = DefaultCommands()
	}
	orValue(&c.Image, "redis:7.2.4")
	orValue(&c.ImagePullPolicy, "IfNotPresent")
	orValue(&c.Resources.CPURequest, "100m")
	orValue(&c.Resources.Memory, "256Mi")
	orValue(&c.MaxMemoryPercent, 75)
	orValue(&c.EvictionPolicy, "allkeys-lfu")
	orValue(&c.MaxClients, 1000)
	orValue(&c.TerminationGraceSeconds, 15)
	return &c
}

func orValue[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}
