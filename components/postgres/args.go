package postgres

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

// Args describe the shards. Shards is required; a zero field means its default.
type Args struct {
	// Namespace of all objects. Default: "scalestack".
	Namespace pulumi.StringInput

	// Shards are the ids, 0 to 9999, each once. An id decides the names of its
	// shard's objects and of its volume, so a shard can leave the list without
	// the others changing. Do not give a removed id to another shard: it would
	// adopt the old volume.
	Shards []int

	// Drained are those of Shards that are to give all they have to the others.
	// They are annotated as such and not protected, so that they can leave the
	// list once they are empty. Default: none.
	Drained []int

	// Image of PostgreSQL 16, with a tag or a digest. It has sh, postgres,
	// initdb, pg_ctl and pg_isready on its PATH. Default: "postgres:16.2".
	Image string

	// ImagePullPolicy is IfNotPresent, Always or Never. Default: IfNotPresent.
	ImagePullPolicy string

	// Storage is each shard's volume.
	Storage Storage

	// Resources of each shard. Memory is at least 256Mi and decides nearly all
	// of the server's settings. Default: 500m requested without a limit, 1Gi.
	Resources Resources

	// MaxConnections per shard, 20 to 10000 and no more than Memory allows. It
	// must hold every application pod's pool and ReservedConnections on top.
	// Default: 140, for 13 pods (10 and the surge of a rollout) with 10 each.
	MaxConnections int

	// Settings are further lines of postgresql.conf for all shards, for example
	// {"shared_preload_libraries": "pg_stat_statements"}. A setting that the
	// component decides is refused. Default: none.
	Settings map[string]string

	// Callers may connect besides the shards themselves, which copy from each
	// other when data moves. Default: nobody.
	Callers []Peer

	// PasswordRotation may be any text. Changing it generates new passwords and
	// restarts the shards. Default: "".
	PasswordRotation string

	// Protect makes Pulumi refuse to delete the StatefulSets and the volume
	// claims, drained ones aside. Right for production; `pulumi state unprotect`
	// lifts it. Default: false. The claims are retained in either case.
	Protect bool

	// Disruption says what a node drain may do. Default: DisruptOne.
	Disruption Disruption

	// Rollout says in which order shards restart when their pods change.
	// Default: RolloutSerial.
	Rollout Rollout

	// ZoneSpread is ScheduleAnyway, which prefers an even spread of the shards
	// over zones and nodes, or DoNotSchedule, which insists on it for zones.
	// Default: ScheduleAnyway, because a volume already ties its pod to a zone.
	ZoneSpread string

	// TerminationGraceSeconds is the time for the last checkpoint before
	// SIGKILL, 30 to 3600. A killed server replays its log at the next start.
	// Default: 300.
	TerminationGraceSeconds int

	// PriorityClass of the pods. Default: the cluster's.
	PriorityClass string

	// NodeSelector limits the shards to nodes with these labels. Default: any.
	NodeSelector map[string]string

	// Tolerations let the shards onto tainted nodes. Default: none.
	Tolerations corev1.TolerationArray
}

// Storage is a volume.
type Storage struct {
	// Size is at least 1Gi and may grow. A tenth of it is for the write-ahead
	// log between checkpoints, a quarter for what a stalled replication slot
	// may hold back. Default: "10Gi".
	Size string
	// Class is the StorageClass, fixed when a claim is made: once given it stays
	// given. Default: the cluster's default class.
	Class string
	// AccessMode is ReadWriteOnce or, where the storage driver knows it,
	// ReadWriteOncePod, which keeps a second pod off the volume even on the
	// same node. Fixed when a claim is made. Default: ReadWriteOnce.
	AccessMode string
}

// Disruption is what a node drain may do to the shards.
type Disruption string

const (
	// DisruptOne lets a drain move one shard at a time, over all nodes: that
	// shard is away for the time of a restart.
	DisruptOne Disruption = "One"
	// DisruptNone blocks every drain until someone moves the pod by hand.
	DisruptNone Disruption = "None"
	// DisruptAny makes no budget.
	DisruptAny Disruption = "Any"
)

// Rollout is the order in which shards restart.
type Rollout string

const (
	// RolloutSerial changes a shard only when the one before it is ready again:
	// a setting that keeps a server from starting stops at the first shard.
	RolloutSerial Rollout = "Serial"
	// RolloutParallel changes all at once, for environments that may be away.
	RolloutParallel Rollout = "Parallel"
)

// withDefaults returns a copy with every default filled in.
func (a *Args) withDefaults() *Args {
	var c Args
	if a != nil {
		c = *a
	}
	if c.Namespace == nil {
		c.Namespace = pulumi.String(kube.DefaultNamespace)
	}
	orValue(&c.Image, "postgres:16.2")
	orValue(&c.ImagePullPolicy, "IfNotPresent")
	orValue(&c.Storage.Size, "10Gi")
	orValue(&c.Storage.AccessMode, "ReadWriteOnce")
	orValue(&c.Resources.CPURequest, "500m")
	orValue(&c.Resources.Memory, "1Gi")
	orValue(&c.MaxConnections, 140)
	orValue(&c.Disruption, DisruptOne)
	orValue(&c.Rollout, RolloutSerial)
	orValue(&c.ZoneSpread, "ScheduleAnyway")
	orValue(&c.TerminationGraceSeconds, 300)
	return &c
}

func orValue[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}
