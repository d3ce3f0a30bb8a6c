package postgres

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

// Args describe the shards. Shards is required; a zero field means its default.
type Args struct {
	// Namespace of all objects. Default: "scalestack".
	Namespace pulumi.StringInput `json:"-" pulumi:"namespace,optional"`

	// Shards are the ids, 0 to 9999, each once. An id decides the names of its
	// shard's objects and of its volume, so a shard can leave the list without the
	// others changing. Do not give a removed id to another shard: it would adopt the
	// old volume.
	Shards []int `json:"-" pulumi:"shards" required:"true" min:"0" max:"9999"`

	// Drained are those of Shards that are to give all they have to the others. They
	// are annotated as such and not protected, so that they can leave the list once
	// they are empty. Default: none.
	Drained []int `json:"-" pulumi:"drained,optional"`

	// New are those of Shards of which nothing exists yet, as far as that is known. Nothing of
	// theirs can be lost, so that their gates open side by side. Default: none, and all open
	// one after the other.
	New []int `json:"-"`

	// PasswordRotation counts how often the shards' own passwords were changed: the superuser's,
	// the application's, the exporter's and that of Patroni's REST API. The pods bring their
	// servers to a new one of the superuser by themselves where a shard has several members; for a
	// single server RolesArgs.Prepare does, with RolesArgs.Administrators. Default: 0.
	PasswordRotation int `json:"-"`

	// LocalSuperuser refuses the superuser from outside the shards' own pods. Nobody may need it there any more: members of an
	// earlier release follow so, and its Jobs log in so. Running members read it when it changes, as single servers with TLS do;
	// other single servers take it when they start next. Default: false.
	LocalSuperuser bool `json:"-"`

	// Unfinished are other rotations that began and did not end: a server may have their passwords, as
	// far as that is known. PasswordRotation and the one before it need not be named. Default: none.
	Unfinished []int `json:"-"`

	// Members is the number of servers of each shard. 1 is a single server without a copy.
	// With more, Patroni runs them: one takes writes, the others follow it and can take
	// over. From 3 on a commit is acknowledged once the primary and one standby have it;
	// with 2 as well, but the primary goes on alone while its standby is away. The number
	// may be even, because a lock in Kubernetes decides who is the primary, and not a vote.
	// Above 1 the Image also needs patroni, patronictl and python3 on its PATH, like the
	// one that images/postgres builds. Members can be added to shards with data and never
	// removed.
	Members int `json:"members" pulumi:"members,optional" default:"1" min:"1" max:"5"`

	// RequireSpread leaves a member pending rather than placing two members of one shard on
	// the same node. Without it, separate nodes are only preferred.
	RequireSpread bool `json:"requireSpread" pulumi:"requireSpread,optional"`

	// Image of PostgreSQL 16 or 17, with a tag or a digest. It must have sh, postgres,
	// initdb, pg_ctl, pg_isready and psql on its PATH.
	Image pulumi.StringInput `json:"image" pulumi:"image,optional" default:"postgres:16.2" format:"image"`

	// Images overrides Image for single shards, by id, for example {"4": "postgres:17.5"}.
	// It is for shards of the next major version, to which the data then moves: a volume
	// keeps the version that it was created with, and a server of another version does not
	// start. docs/major-upgrade.md has the steps. Default: none.
	Images map[int]pulumi.StringInput `json:"images" pulumi:"images,optional" format:"image"`

	// ImagePullPolicy says when nodes fetch the image.
	ImagePullPolicy pulumi.StringInput `json:"imagePullPolicy" pulumi:"imagePullPolicy,optional" default:"IfNotPresent" enum:"IfNotPresent,Always,Never"`

	// Storage is the volume of each shard.
	Storage Storage `json:"storage" pulumi:"storage,optional"`

	// Resources of each shard. Memory must be at least 256Mi; nearly all of the server's
	// settings follow from it.
	Resources k8s.Resources `json:"resources" pulumi:"resources,optional" default:"{\"cpuRequest\":\"500m\",\"memory\":\"1Gi\"}"`

	// MaxConnections that a shard accepts, limited by its memory. They must cover the pools
	// of all application pods and the 10 ReservedConnections. The default is for 13 pods
	// (10 and the surge of a rollout) with 10 connections each.
	MaxConnections int `json:"maxConnections" pulumi:"maxConnections,optional" default:"140" min:"20" max:"10000"`

	// Settings adds lines to postgresql.conf of all shards, for example
	// {"shared_preload_libraries": "pg_stat_statements"}. A setting that the component
	// decides itself is refused.
	Settings map[string]string `json:"settings" pulumi:"settings,optional"`

	// TLS encrypts all connections to the shards and lets clients verify the servers. With
	// mode require, a deployment waits until no clear-text client is left. docs/tls.md
	// says how to add it to shards with data without losing a request. Default: none; all
	// passwords and rows cross the network in clear text.
	TLS *TLS `json:"tls" pulumi:"tls,optional"`

	// IngressFrom lists who may connect, besides the shards themselves, which copy from
	// each other when data moves. A stack adds its own Jobs, the services that use shards,
	// and their migrations. Default: nobody.
	IngressFrom []k8s.Peer `json:"ingressFrom" pulumi:"ingressFrom,optional"`

	// Opened are policies that let in more than IngressFrom. The component's own policy changes
	// after them, as it may close what they open.
	Opened []pulumi.Resource `json:"-"`

	// Exporter serves the statistics of all shards as metrics. An empty object uses the
	// defaults. Adding or removing it restarts no shard. Default: none.
	Exporter *Exporter `json:"exporter" pulumi:"exporter,optional"`

	// Backup archives the write-ahead log of every shard and takes base backups. It needs
	// an Image with barman-cloud and python3, like the one that images/postgres builds.
	// Default: none.
	Backup *Backup `json:"backup" pulumi:"backup,optional"`

	// Restore takes shards back to a point in time, from their archive. Default: none.
	Restore *Restore `json:"restore" pulumi:"restore,optional"`

	// Protect makes Pulumi refuse to delete the StatefulSets and the volume claims of
	// shards that are not drained. Use it in production; "pulumi state unprotect" lifts it.
	// The claims are retained either way.
	Protect bool `json:"protect" pulumi:"protect,optional"`

	// Disruption says what a node drain may do: move one shard at a time across all nodes
	// (One), nothing until somebody moves the pod by hand (None), or anything, because
	// there is no budget (Any).
	Disruption Disruption `json:"disruption" pulumi:"disruption,optional" default:"One" enum:"One,None,Any"`

	// Rollout is the order in which shards restart when their pods change: one after the
	// other (Serial), or all at once (Parallel), for environments that tolerate downtime.
	Rollout Rollout `json:"rollout" pulumi:"rollout,optional" default:"Serial" enum:"Serial,Parallel"`

	// RolloutTimeoutSeconds is how long a changed shard may take to answer with its new
	// configuration. After that the deployment fails with the reason, and with Rollout
	// Serial the shards after it stay as they are.
	RolloutTimeoutSeconds int `json:"rolloutTimeoutSeconds" pulumi:"rolloutTimeoutSeconds,optional" default:"600" min:"60" max:"7200"`

	// TerminationGraceSeconds is the time for the last checkpoint before SIGKILL. A
	// killed server replays its log at the next start.
	TerminationGraceSeconds int `json:"terminationGraceSeconds" pulumi:"terminationGraceSeconds,optional" default:"300" min:"30" max:"3600"`

	// PriorityClass of the pods. Default: the cluster's.
	PriorityClass pulumi.StringInput `json:"priorityClass" pulumi:"priorityClass,optional"`

	// NodeSelector limits the shards to nodes with these labels. Default: any node.
	NodeSelector pulumi.StringMapInput `json:"nodeSelector" pulumi:"nodeSelector,optional"`

	// Tolerations let the shards onto tainted nodes. Default: none.
	Tolerations []k8s.Toleration `json:"tolerations" pulumi:"tolerations,optional"`

	// PullSecret is the Secret in Namespace with which nodes pull the image of shards
	// with several Members, which have an account of their own: what the namespace's
	// default account has does not count for them. Default: none.
	PullSecret string `json:"-" pulumi:"pullSecret,optional" format:"label"`

	// Resolvers are the cluster's DNS servers, the only ones that the pods may ask, on port 53.
	// Default: any.
	Resolvers []k8s.Peer `json:"-" pulumi:"resolvers,optional"`

	// APIServers are the addresses of the cluster's API server, the only ones that shards with
	// several Members may reach on ports 443 and 6443: Patroni keeps its lock there. Default: any.
	APIServers []k8s.Peer `json:"-" pulumi:"apiServers,optional"`
}

// Storage is a volume.
type Storage struct {
	// Size of the volume, which can grow. A tenth is for the write-ahead log between
	// checkpoints, a quarter for what a stalled replication slot may hold back.
	Size string `json:"size" pulumi:"size,optional" default:"10Gi" format:"quantity" min:"1Gi"`
	// Class is the StorageClass. It is fixed when a claim is created, and a class that was
	// set must stay set. Default: the cluster's default class.
	Class pulumi.StringInput `json:"class" pulumi:"class,optional"`
	// AccessMode of the volume, fixed when a claim is created. ReadWriteOncePod, where the
	// storage driver supports it, keeps a second pod off the volume even on the same node.
	AccessMode string `json:"accessMode" pulumi:"accessMode,optional" default:"ReadWriteOnce" enum:"ReadWriteOnce,ReadWriteOncePod"`
}

// Exporter is one pod that asks every shard how it is: postgres_exporter of the
// Prometheus community.
type Exporter struct {
	// Image of postgres_exporter 0.17 or later, with a tag or a digest.
	Image pulumi.StringInput `json:"image" pulumi:"image,optional" default:"prometheuscommunity/postgres-exporter:v0.17.1" format:"image"`
	// ImagePullPolicy says when nodes fetch the image.
	ImagePullPolicy pulumi.StringInput `json:"imagePullPolicy" pulumi:"imagePullPolicy,optional" default:"IfNotPresent" enum:"IfNotPresent,Always,Never"`
	// Resources of the pod.
	Resources k8s.Resources `json:"resources" pulumi:"resources,optional" default:"{\"cpuRequest\":\"20m\",\"cpuLimit\":\"500m\",\"memory\":\"96Mi\"}"`
	// PullSecret is the Secret in Namespace with which nodes pull the image. Default:
	// none.
	PullSecret string `json:"-" pulumi:"pullSecret,optional" format:"label"`
	// MetricsFrom may read the metrics. Default: nobody.
	MetricsFrom []k8s.Peer `json:"metricsFrom" pulumi:"metricsFrom,optional"`
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
	// RolloutSerial changes a shard only when the one before it answers with what was
	// changed: a setting that keeps a server from starting stops at the first shard.
	// New shards start all at once.
	RolloutSerial Rollout = "Serial"
	// RolloutParallel changes all at once, for environments that tolerate downtime.
	RolloutParallel Rollout = "Parallel"
)

// withDefaults returns a copy with every default filled in.
func (a *Args) withDefaults() *Args {
	c := settings.WithDefaults(a)
	c.Namespace = kube.Namespace(c.Namespace)
	return c
}
