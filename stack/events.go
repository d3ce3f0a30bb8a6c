package stack

import (
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
			Name: u.Name, Produce: u.Produce, Consume: u.Consume, Group: u.Group, MaxConsumers: u.MaxConsumers,
		})
	}
	return args
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
