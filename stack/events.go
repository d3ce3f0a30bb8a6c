package stack

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/kafka"
)

// Kafka is the event log.
type Kafka struct {
	Operator          KafkaOperator `json:"operator"`
	WaitReady         bool          `json:"waitReady"`
	ReadyMinutes      int           `json:"readyMinutes"`
	Pools             []KafkaPool   `json:"pools"`
	RackKey           string        `json:"rackKey"`
	ReplicationFactor int           `json:"replicationFactor"`
	MinInSync         int           `json:"minInSync"`
	CruiseControl     *Resources    `json:"cruiseControl"`
	Exporter          *Resources    `json:"exporter"`
	Topics            []KafkaTopic  `json:"topics"`
	Users             []KafkaUser   `json:"users"`
}

// KafkaOperator is the Strimzi operator.
type KafkaOperator struct {
	Mode              string `json:"mode"`
	KubernetesVersion string `json:"kubernetesVersion"`
}

// KafkaPool is a set of equal nodes.
type KafkaPool struct {
	Name          string       `json:"name"`
	Roles         []string     `json:"roles"`
	Replicas      int          `json:"replicas"`
	Storage       KafkaStorage `json:"storage"`
	Resources     Resources    `json:"resources"`
	RequireSpread bool         `json:"requireSpread"`
}

// KafkaStorage is one node's.
type KafkaStorage struct {
	Size      string `json:"size"`
	Class     string `json:"class"`
	Ephemeral bool   `json:"ephemeral"`
}

// KafkaTopic is one stream of messages.
type KafkaTopic struct {
	Name           string `json:"name"`
	Partitions     int    `json:"partitions"`
	RetentionHours int    `json:"retentionHours"`
	Compact        bool   `json:"compact"`
}

// KafkaUser is one client program.
type KafkaUser struct {
	Name         string   `json:"name"`
	Produce      []string `json:"produce"`
	Consume      []string `json:"consume"`
	Group        string   `json:"group"`
	DeadLetter   string   `json:"deadLetter"`
	MaxConsumers int      `json:"maxConsumers"`
}

func (c *Config) kafkaArgs(namespace pulumi.StringInput) *kafka.Args {
	k := c.Kafka
	args := &kafka.Args{
		Namespace: namespace,
		Operator: kafka.Operator{
			Mode: kafka.OperatorMode(k.Operator.Mode), KubernetesVersion: k.Operator.KubernetesVersion,
		},
		RackKey:           k.RackKey,
		ReplicationFactor: k.ReplicationFactor,
		MinInSync:         k.MinInSync,
		CruiseControl:     (*kafka.Resources)(k.CruiseControl),
		Exporter:          (*kafka.Resources)(k.Exporter),
		WaitReady:         &k.WaitReady,
		ReadyMinutes:      k.ReadyMinutes,
	}
	for _, p := range k.Pools {
		args.Pools = append(args.Pools, kafkaPool(p))
	}
	for _, t := range k.Topics {
		args.Topics = append(args.Topics, kafka.Topic{
			Name: t.Name, Partitions: t.Partitions, RetentionHours: t.RetentionHours, Compact: t.Compact,
		})
	}
	for _, u := range k.Users {
		args.Users = append(args.Users, kafka.User{
			Name: u.Name, Produce: u.Produce, Consume: u.Consume, Group: u.Group,
			DeadLetter: u.DeadLetter, MaxConsumers: u.MaxConsumers,
		})
	}
	c.addWorkers(args)
	return args
}

// deadLetterHours give people a month to look at what failed.
const deadLetterHours = 30 * 24

// addWorkers adds what the stack's own programs need, behind what is configured:
// their users, and topics that the configuration does not mention.
func (c *Config) addWorkers(args *kafka.Args) {
	named := func(name string) bool {
		return slices.ContainsFunc(args.Topics, func(t kafka.Topic) bool { return t.Name == name })
	}
	for _, w := range c.workers() {
		for _, name := range slices.Concat(w.produce, w.consume) {
			if !named(name) {
				args.Topics = append(args.Topics, kafka.Topic{Name: name})
			}
		}
		if name := w.deadLetter(); name != "" && !named(name) {
			args.Topics = append(args.Topics, kafka.Topic{Name: name, RetentionHours: deadLetterHours})
		}
		if !c.taken(w.name) {
			args.Users = append(args.Users, w.kafkaUser())
		}
	}
}

// taken says whether the configuration gives a worker's name to another program.
func (c *Config) taken(name string) bool {
	return slices.ContainsFunc(c.Kafka.Users, func(u KafkaUser) bool { return u.Name == name })
}

func kafkaPool(p KafkaPool) kafka.Pool {
	pool := kafka.Pool{
		Name: p.Name, Replicas: p.Replicas, Storage: kafka.Storage(p.Storage),
		Resources: kafka.Resources(p.Resources), RequireSpread: p.RequireSpread,
	}
	for _, role := range p.Roles {
		pool.Roles = append(pool.Roles, kafka.Role(role))
	}
	return pool
}
