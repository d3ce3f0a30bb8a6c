package stack

import (
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/cdn"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/redis"
	"github.com/scalestack/scalestack/internal/settings"
)

// Config is the whole configuration. A section is the Args of its component, with
// what only the stack knows beside it.
type Config struct {
	// Namespace that the stack creates for everything else. It is kept when the stack is
	// destroyed, because it holds the volumes.
	Namespace string `json:"namespace" default:"scalestack" format:"label"`
	// Kubernetes is the target cluster.
	Kubernetes Kubernetes `json:"kubernetes"`
	// Postgres are the database shards.
	Postgres Postgres `json:"postgres"`
	// Redis is the cache.
	Redis redis.Args `json:"redis"`
	// Kafka is the event log. A topic that a service uses is added by itself; list it only
	// to give it other partitions or another retention.
	Kafka kafka.Args `json:"kafka"`
	// Services are the programs of the product, by name. A service called shardctl, which
	// watches the shards, is added unless it is configured here.
	Services map[string]Service `json:"services"`
	// Secrets holds values that services mount and that nothing generates, by name and then
	// by key. Set each with pulumi config set --secret --path
	// 'scalestack:secrets.<name>.<key>'; a value in plain text is refused.
	Secrets map[string]map[string]string `json:"secrets"`
	// ExternalSecrets names objects of kind Secret that services mount and that something
	// else, such as an external store, creates in the namespace. A service does not start
	// without them. A name that secrets, cert-manager or Strimzi used in the last
	// deployment of this stack is refused: that Secret would be deleted while pods mount
	// it.
	ExternalSecrets []string `json:"externalSecrets"`
	// Metrics controls who may read the metrics of the stack's programs.
	Metrics Metrics `json:"metrics"`
	// KEDA scales the services that have triggers. It must already run in the cluster.
	KEDA KEDA `json:"keda"`
	// CDN puts Cloudflare in front of the services. The API token belongs to the provider
	// (cloudflare:apiToken or CLOUDFLARE_API_TOKEN). Default: none.
	CDN *CDN `json:"cdn"`
	// Tunnel connects a host name to a service without an open port in the cluster. It
	// needs an API token that may edit the account's tunnels. Default: none.
	Tunnel *Tunnel `json:"tunnel"`
	// Gateway connects a host name to a service through a gateway of the cluster, which
	// must already serve gateway.networking.k8s.io and run a controller for it. Default:
	// none.
	Gateway *Gateway `json:"gateway" pulumi:"gateway,optional"`

	// doubtful are the sections with mistakes, which hold defaults instead.
	doubtful map[string]bool
	// localImages is what is wrong with the images of a local build.
	localImages error
	// edgeRangesGiven tells that cdn.edgeRanges is not the default.
	edgeRangesGiven bool
	// topicNamed is where a service names a topic that the stack adds.
	topicNamed map[string]*field.Path
	// stack is the name of the stack.
	stack string
	// connect finds the cluster.
	connect Connect
	// clusterID, shardsName, newShards, the rotations, localSuperuser and namespaceMarks are what the guard found out.
	clusterID, shardsName string
	newShards             []int
	unfinishedRotations   []int
	unnumberedRotation    int
	localSuperuser        bool
	namespaceMarks        map[string]string
}

// Sections returns the names of all top-level settings in their order.
func Sections() []string { return settings.Names(reflect.TypeFor[Config]()) }

// Kubernetes selects the target cluster. A stack that is not called dev needs one of
// the two, so that it never deploys to whatever cluster was used last.
type Kubernetes struct {
	// Context of the kubeconfig to deploy to. Default: the current one.
	Context string `json:"context"`
	// Cluster that the context must reach, by the uid of its namespace kube-system: kubectl
	// get namespace kube-system -o jsonpath={.metadata.uid}. Default: the cluster of the
	// first deployment.
	Cluster string `json:"cluster"`
	// RenderTo is a folder, relative to the project's, into which the stack writes its
	// objects as YAML instead of applying them. Such a stack never contacts a cluster:
	// Cluster names the one that the files are for, and Context must be empty. A stack
	// renders from its first deployment on, or never. Default: apply the objects.
	RenderTo string `json:"renderTo"`
	// PullSecret names the Secret with which the namespace's pods pull images. It has the
	// key .dockerconfigjson and is one of secrets or externalSecrets. Default: none.
	PullSecret string `json:"pullSecret" format:"label"`
	// Resolvers are the cluster's DNS servers. The NetworkPolicies of all pods then allow
	// port 53 to these alone. Default: port 53 of any address, since a wrong guess would
	// cut off every connection.
	Resolvers []k8s.Peer `json:"resolvers"`
	// APIServers are the addresses of the cluster's API server, as kubectl get endpoints
	// kubernetes prints them. The NetworkPolicies of Kafka's pods and of shards with
	// several members then allow ports 443 and 6443 to these alone. Default: these ports of
	// any address.
	APIServers []k8s.Peer `json:"apiServers"`
}

// Postgres are the shards and how data moves between them.
type Postgres struct {
	postgres.Args
	// Shards is the number of shards, including those in Gone. Their ids are 0 to Shards -
	// 1. Changing it moves data online; drain a shard before you remove it.
	Shards int `json:"shards" default:"4" min:"1" max:"960"`
	// InitialShards is the number of shards that the data was first laid out for. It never
	// changes once data exists.
	InitialShards int `json:"initialShards" default:"4" min:"1" max:"960"`
	// Buckets is the number of buckets into which keys are divided. It never changes once
	// data exists.
	Buckets int `json:"buckets" default:"960" min:"1" max:"16384"`
	// Drain lists shards, by id, that hand all their buckets to the others. Once they are
	// empty, remove the last ones by lowering Shards, and any of them by adding it to Gone.
	Drain []int `json:"drain"`
	// Gone lists drained shards, by id, whose servers are removed for good, for example [0,
	// 1] after a move to shards of a new version. Keep them in Drain as well, or they would
	// get buckets again. A shard that still owns a bucket is not removed, and the
	// deployment fails. Its volume claim is retained, and its id is never used again.
	// Default: none.
	Gone []int `json:"gone"`
	// Weights sets, by shard id, how many buckets a shard takes compared with one that is
	// not listed: 1 to 1000 times as many.
	Weights map[int]int `json:"weights"`
	// Pins assigns single buckets, by number, to shards, whatever the other settings say.
	// It is meant for hot buckets.
	Pins map[int]int `json:"pins"`
	// PasswordRotation counts how often the passwords for the shards were changed: the
	// services', the superuser's, those of role app and the exporter, and that of Patroni's REST
	// API. Raise it by one for new ones: each service has two logins on every shard, which
	// alternate, so no request fails and no pod of a service restarts. A service's former login
	// works for an hour more. The first rotation of shards with several members restarts these,
	// one after the other.
	PasswordRotation int `json:"passwordRotation" min:"0" max:"1000000"`
	// Moves controls how buckets move between shards.
	Moves Moves `json:"moves"`
	// Shardctl is the program that migrates the shards' schema and moves buckets.
	Shardctl Shardctl `json:"shardctl"`
}

// Moves controls how buckets move between shards.
type Moves struct {
	// Batch is the most buckets that move together. Each batch costs one scan of the
	// source's tables and one pause of the writes to its buckets.
	Batch int `json:"batch" default:"32" min:"1" max:"1000"`
	// Parallel is the most moves that run at once. They run between pairs that share no
	// shard, so that each shard bears the load of one move, as with 1.
	Parallel int `json:"parallel" default:"4" min:"1" max:"64"`
	// Observe is the number of seconds for which a move can be rolled back after its
	// cutover. The next move of either shard waits for that.
	Observe int `json:"observe" default:"30" min:"1" max:"86400"`
}

// Shardctl is the image of shardctl.
type Shardctl struct {
	// Image of shardctl.
	Image pulumi.StringInput `json:"image" default:"scalestack/shardctl:0.1.0" format:"image"`
	// ImagePullPolicy says when nodes fetch the image.
	ImagePullPolicy pulumi.StringInput `json:"imagePullPolicy" default:"IfNotPresent" enum:"IfNotPresent,Always,Never"`
}

// CDN is the edge.
type CDN struct {
	cdn.Args
	// Enabled configures the zone.
	Enabled bool `json:"enabled"`
}
