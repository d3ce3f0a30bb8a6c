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
	// Namespace that the stack makes. It is kept when the stack is destroyed, because
	// the volumes are in it.
	Namespace string `json:"namespace" default:"scalestack" format:"label"`
	// Kubernetes is the target cluster.
	Kubernetes Kubernetes `json:"kubernetes"`
	// Postgres are the database shards.
	Postgres Postgres `json:"postgres"`
	// Redis is the cache.
	Redis redis.Args `json:"redis"`
	// Kafka is the event log. Topics that services use need not be listed, unless they
	// need other partitions or another retention.
	Kafka kafka.Args `json:"kafka"`
	// Services are the programs of the product, by name. One called shardctl, which
	// watches the shards, is added unless it is described here.
	Services map[string]Service `json:"services"`
	// Secrets that services mount and that nothing generates, by name and then by key.
	// Each value is set with pulumi config set --secret --path
	// 'scalestack:secrets.<name>.<key>', or the setting is refused.
	Secrets map[string]map[string]string `json:"secrets"`
	// ExternalSecrets are the names of Secrets that services mount and that something
	// else makes in the namespace, an external store for example. A service does not
	// start without them. A name that secrets, cert-manager or Strimzi had for this stack in
	// the last deployment is refused: that Secret would be deleted while pods mount it.
	ExternalSecrets []string `json:"externalSecrets"`
	// Metrics are who reads the metrics of the stack's programs.
	Metrics Metrics `json:"metrics"`
	// KEDA scales the services that have triggers. It runs in the cluster already.
	KEDA KEDA `json:"keda"`
	// CDN is Cloudflare in front of the services; nil without one. The API token
	// belongs to the provider (cloudflare:apiToken or CLOUDFLARE_API_TOKEN).
	CDN *CDN `json:"cdn"`
	// Tunnel leads a host name to a service without an open port in the cluster; nil
	// without one. It needs an API token that may edit the account's tunnels.
	Tunnel *Tunnel `json:"tunnel"`
	// Gateway leads a host name to a service through a gateway of the cluster; nil
	// without one. The cluster has the Gateway API and a controller for it already.
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
	// clusterID, shardsName, newShards, the rotations and namespaceMarks are what the guard found out.
	clusterID, shardsName string
	newShards             []int
	unfinishedRotations   []int
	unnumberedRotation    int
	namespaceMarks        map[string]string
}

// Sections returns the names of all top-level settings in their order.
func Sections() []string { return settings.Names(reflect.TypeFor[Config]()) }

// Kubernetes selects the target cluster. A stack that is not called dev needs one of
// the two, so that it never deploys to whatever cluster was used last.
type Kubernetes struct {
	// Context of the kubeconfig. Default: the current one.
	Context string `json:"context"`
	// Cluster that the context has to reach: the uid of its namespace kube-system, from
	// kubectl get namespace kube-system -o jsonpath={.metadata.uid}. Default: the one of
	// the first deployment.
	Cluster string `json:"cluster"`
	// RenderTo is a folder, from that of the project, into which the stack writes its
	// objects as YAML instead of applying them. Such a stack asks no cluster: Cluster
	// names the one that the files are for, and Context must be empty. A stack renders
	// from its first deployment on, or never. Default: apply them.
	RenderTo string `json:"renderTo"`
	// PullSecret names the Secret with the key .dockerconfigjson with which the pods of
	// the namespace pull images: one of secrets or externalSecrets. Default: none.
	PullSecret string `json:"pullSecret" format:"label"`
	// Resolvers are the cluster's DNS servers: the NetworkPolicies of all pods let port 53 of
	// these through and of nobody else. Default: port 53 of any address, since a wrong guess
	// would cut every connection.
	Resolvers []k8s.Peer `json:"resolvers"`
	// APIServers are the addresses of the cluster's API server, as
	// kubectl get endpoints kubernetes shows them: the NetworkPolicies of Kafka's pods and of shards
	// with several members let ports 443 and 6443 of these through and of nobody else. Default: of any address.
	APIServers []k8s.Peer `json:"apiServers"`
}

// Postgres are the shards and how data moves between them.
type Postgres struct {
	postgres.Args
	// Shards is the number of shards; their ids are 0 to one less, those in Gone
	// included. Buckets move online when it changes; drain a shard before it leaves.
	Shards int `json:"shards" default:"4" min:"1" max:"960"`
	// InitialShards that the data was first laid out for. It never changes for data
	// that exists.
	InitialShards int `json:"initialShards" default:"4" min:"1" max:"960"`
	// Buckets that the keys fall into. It never changes for data that exists.
	Buckets int `json:"buckets" default:"960" min:"1" max:"16384"`
	// Drain are shards, by id, that give all their buckets to the others. Once they are
	// empty the last ones may leave with a smaller Shards, and any of them with Gone.
	Drain []int `json:"drain"`
	// Gone are those of Drain, by id, whose servers are gone for good, for example [0, 1]
	// after a move to shards of a new version. Both lists keep them: without Drain they
	// would get buckets again. A shard that still owns a bucket is not removed, and the
	// deployment fails. Its volume claim is retained, and its id is never used again.
	// Default: none.
	Gone []int `json:"gone"`
	// Weights by shard id are how many buckets a shard takes compared with one that is
	// not named: 1 to 1000 times as many.
	Weights map[int]int `json:"weights"`
	// Pins by bucket are the shards that own it whatever the other settings say: for a
	// bucket that is hot.
	Pins map[int]int `json:"pins"`
	// PasswordRotation counts how often the passwords for the shards were changed: the
	// services', the superuser's, those of role app and the exporter, and that of Patroni's REST
	// API. Raise it by one for new ones: each service has two logins on every shard, which
	// alternate, so no request fails and no pod of a service restarts. A service's former login
	// works for an hour more. The first rotation of shards with several members restarts these,
	// one after the other.
	PasswordRotation int `json:"passwordRotation" min:"0" max:"1000000"`
	// Moves are how buckets move between shards.
	Moves Moves `json:"moves"`
	// Shardctl is the program that migrates the shards' schema and moves buckets.
	Shardctl Shardctl `json:"shardctl"`
}

// Moves are how buckets move between shards.
type Moves struct {
	// Batch is how many buckets move together at most: one scan of the source's
	// tables, one pause of their writes.
	Batch int `json:"batch" default:"32" min:"1" max:"1000"`
	// Parallel is how many moves are made at once at most. They are between pairs that share
	// no shard, so that each shard bears one move, as with 1.
	Parallel int `json:"parallel" default:"4" min:"1" max:"64"`
	// Observe is the number of seconds for which a move can be rolled back after its
	// cutover. The next one of its two shards waits for that.
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
