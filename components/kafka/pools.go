package kafka

import (
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

// Role of a node.
type Role string

const (
	// Controller nodes keep the cluster's metadata.
	Controller Role = "controller"
	// Broker nodes keep the messages.
	Broker Role = "broker"
)

// Pool is a set of equal nodes.
type Pool struct {
	// Name of the pool, unique in the namespace.
	Name string `json:"name" pulumi:"name" required:"true" format:"label"`
	// Roles of its nodes.
	Roles []Role `json:"roles" pulumi:"roles" required:"true" enum:"controller,broker"`
	// Replicas is the number of nodes. All pools together have 1, 3 or 5
	// controllers, which cannot change later.
	Replicas int `json:"replicas" pulumi:"replicas" required:"true" min:"1" max:"100"`
	// Storage of each node.
	Storage Storage `json:"storage" pulumi:"storage,optional"`
	// Resources of each node; half of the memory becomes heap, up to 5 GB.
	Resources k8s.Resources `json:"resources" pulumi:"resources,optional" default:"{\"cpuRequest\":\"500m\",\"cpuLimit\":\"2\",\"memory\":\"2Gi\"}"`
	// RequireSpread leaves a node pending rather than placing two on one machine. Without
	// it they are spread as far as possible.
	RequireSpread bool `json:"requireSpread" pulumi:"requireSpread,optional"`
}

// Storage of one node. No deletion of the cluster or of a pool deletes a claim.
type Storage struct {
	// Size of the volume, for example "100Gi".
	Size string `json:"size" pulumi:"size,optional" default:"100Gi" format:"quantity"`
	// Class of the volume. Default: the cluster's default class.
	Class pulumi.StringInput `json:"class" pulumi:"class,optional"`
	// Ephemeral storage dies with its pod; Size is then its limit.
	Ephemeral bool `json:"ephemeral" pulumi:"ephemeral,optional"`
}

// count adds up the nodes that have the role.
func (a *Args) count(role Role) int {
	n := 0
	for _, pool := range a.Pools {
		if slices.Contains(pool.Roles, role) {
			n += max(0, pool.Replicas)
		}
	}
	return n
}

// poolSpec is a KafkaNodePool's spec.
func poolSpec(cluster string, a *Args, p Pool) object {
	pod := podTemplate(a)
	pod["topologySpreadConstraints"] = spread(cluster, p)
	// A broker hands its partitions over before it stops.
	pod["terminationGracePeriodSeconds"] = 120
	roles := make(list, len(p.Roles))
	for i, role := range p.Roles {
		roles[i] = string(role)
	}
	return object{
		"replicas":  p.Replicas,
		"roles":     roles,
		"storage":   storage(p.Storage),
		"resources": kube.Resources(p.Resources),
		"template": object{
			"pod":            pod,
			"kafkaContainer": restricted(),
			"initContainer":  restricted(),
		},
	}
}

// storage is a list of one volume. From Kafka 3.7 with metadata 3.7-IV2 on a node may
// have several, which in Kafka 3.7 is early access; a list can grow where a single
// volume cannot become one.
func storage(s Storage) object {
	volume := object{"id": 0, "kraftMetadata": "shared"}
	if s.Ephemeral {
		volume["type"] = "ephemeral"
		volume["sizeLimit"] = s.Size
	} else {
		volume["type"] = "persistent-claim"
		volume["size"] = s.Size
		volume["deleteClaim"] = false
		if s.Class != nil {
			volume["class"] = s.Class
		}
	}
	return object{"type": "jbod", "volumes": list{volume}}
}

// HasClaim reports whether a volume claim of this name is one that Strimzi makes for a node.
func HasClaim(cluster, claim string) bool { return strings.HasPrefix(claim, "data-0-"+cluster+"-") }

func spread(cluster string, p Pool) list {
	constraint := func(key, otherwise string) object {
		return object{
			"maxSkew":           1,
			"topologyKey":       key,
			"whenUnsatisfiable": otherwise,
			"labelSelector": object{"matchLabels": object{
				"strimzi.io/cluster":   cluster,
				"strimzi.io/pool-name": p.Name,
			}},
		}
	}
	otherwise := "ScheduleAnyway"
	if p.RequireSpread {
		otherwise = "DoNotSchedule"
	}
	return list{
		constraint("topology.kubernetes.io/zone", "ScheduleAnyway"),
		constraint("kubernetes.io/hostname", otherwise),
	}
}
