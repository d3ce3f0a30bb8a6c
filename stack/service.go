package stack

import (
	"cmp"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/service"
	"github.com/scalestack/scalestack/sharding/access"
)

// Service is one program of the product and what it uses. The stack gives it
// credentials of its own, network policies on both sides, and environment
// variables that say where everything is; docs/services.md lists them.
type Service struct {
	service.Args
	// Name of the service's Kubernetes objects, for a service whose objects already have
	// another name. Default: the service's key.
	Name string `json:"name" format:"label"`
	// ImageFrom names the service whose image this one runs as well. It excludes Image.
	ImageFrom string `json:"imageFrom" format:"label"`
	// AllowEdge lets the CDN's address ranges connect to Port, in addition to IngressFrom.
	// The cluster's load balancer must preserve the client's address (externalTrafficPolicy
	// Local).
	AllowEdge bool `json:"allowEdge"`
	// Auth says who may call the service. Required with ingressFrom and allowEdge: a
	// service that others can reach must say who may use it.
	Auth *Auth `json:"auth"`
	// Uses lists the parts of the stack that the service connects to. Default: none.
	Uses Uses `json:"uses"`
}

// Uses lists the parts of the stack that a service connects to.
type Uses struct {
	// Shards gives the service access to the databases. Default: no access.
	Shards *UsesShards `json:"shards"`
	// Cache gives the service access to Redis.
	Cache bool `json:"cache"`
	// Produce lists the topics that the service writes.
	Produce []string `json:"produce"`
	// Consume says which topics the service reads, and how. Default: none.
	Consume *UsesTopics `json:"consume"`
}

// UsesShards says how a service connects to the shards.
type UsesShards struct {
	// Pool is the most connections that one pod opens to one shard.
	Pool int `json:"pool" default:"10" min:"1" max:"1000"`
	// Write lists the tables that the service reads and writes: table (in the schema
	// public), schema.table, or schema.* for a whole schema. Its role has no other rights.
	// Default: none.
	Write []string `json:"write"`
	// Read lists the tables that the service only reads, in the same form. A service must
	// have at least one table or function in Write, Read or Execute. Default: none.
	Read []string `json:"read"`
	// Execute lists functions that the service may call and that are not open to everybody,
	// in the same form and without arguments. Default: none.
	Execute []string `json:"execute"`
	// StatementTimeoutSeconds cancels a statement of the service that runs longer. A
	// session may set its own value.
	StatementTimeoutSeconds int `json:"statementTimeoutSeconds" default:"60" min:"1" max:"86400"`
	// IdleTransactionTimeoutSeconds ends a session of the service that leaves a transaction
	// open without a statement for longer. A session may set its own value.
	IdleTransactionTimeoutSeconds int `json:"idleTransactionTimeoutSeconds" default:"60" min:"1" max:"86400"`
}

// UsesTopics says how a service reads topics.
type UsesTopics struct {
	// Topics that the service reads.
	Topics []string `json:"topics" required:"true"`
	// Group of its consumers. Default: the service's name.
	Group string `json:"group"`
	// DeadLetter is the topic for events that the service could not process. Default: the
	// group's name followed by "_dlq".
	DeadLetter string `json:"deadLetter"`
}

// Complete adds shardctl, gives the objects the service's name, and a service with
// imageFrom the other's image.
func (c *Config) Complete() {
	c.addShardctl()
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		s := c.Services[key]
		s.Name = cmp.Or(s.Name, key)
		if consume := s.Uses.Consume; consume != nil {
			consume.Group = cmp.Or(consume.Group, s.Name)
			consume.DeadLetter = cmp.Or(consume.DeadLetter, derivedLetter(consume.Group))
		}
		s.completeLag()
		c.Services[key] = s
	}
	c.addTopics()
	for key, s := range c.Services {
		if from, ok := c.Services[s.ImageFrom]; ok && s.Image == nil {
			s.Image = from.Image
			c.Services[key] = s
		}
	}
}

// services lists the services by key.
func (c *Config) services() []Service {
	var all []Service
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		all = append(all, c.Services[key])
	}
	return all
}

// hasPool reports whether the service's pods hold connections to every shard. shardctl
// opens one now and then, of those that are reserved.
func (s Service) hasPool() bool { return s.Uses.Shards != nil && s.Name != shardctlName }

// usesKafka reports whether the service is a client of the event log.
func (s Service) usesKafka() bool { return len(s.Uses.Produce) > 0 || s.Uses.Consume != nil }

// kafkaUser may do what the service does and nothing else.
func (s Service) kafkaUser() kafka.User {
	user := kafka.User{Name: s.Name, Produce: s.Uses.Produce}
	if consume := s.Uses.Consume; consume != nil {
		user.Consume, user.Group, user.DeadLetter = consume.Topics, consume.Group, consume.DeadLetter
	}
	return user
}

// Check refuses what is no name of a table or function, and names that are listed twice.
func (u UsesShards) Check(path *field.Path) field.ErrorList {
	return slices.Concat(
		checkObjects(path, objects{"write", u.Write}, objects{"read", u.Read}),
		checkObjects(path, objects{"execute", u.Execute}))
}

type objects struct {
	setting string
	names   []string
}

// checkObjects judges lists in which no object may be twice.
func checkObjects(path *field.Path, lists ...objects) field.ErrorList {
	var errs field.ErrorList
	seen := map[access.Object]bool{}
	for _, list := range lists {
		for i, name := range list.names {
			at := path.Child(list.setting).Index(i)
			object, err := access.ParseObject(name)
			switch {
			case err != nil:
				errs = append(errs, field.Invalid(at, field.OmitValueType{}, err.Error()))
			case seen[object]:
				errs = append(errs, field.Duplicate(at, name))
			}
			seen[object] = true
		}
	}
	return errs
}
