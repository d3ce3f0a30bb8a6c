package kafka

// DefaultPartitions is the default of Topic.Partitions.
const DefaultPartitions = 12

// Topic is one stream of messages.
type Topic struct {
	// Name in Kafka: up to 249 letters, digits, '.', '_' and '-'.
	Name string `json:"name" pulumi:"name" required:"true"`
	// Partitions can be added but never removed, so start with enough. Adding some moves
	// keys to other partitions and so breaks their order.
	Partitions int `json:"partitions" pulumi:"partitions,optional" default:"12" min:"1" max:"1000"`
	// Replicas of each partition, at most the number of brokers. Default: the
	// cluster's replication factor.
	Replicas int `json:"replicas" pulumi:"replicas,optional" min:"1" max:"100"`
	// MinInSync is how many replicas must have a message of this topic before it is
	// acknowledged to the producer. Default: Replicas - 1, at least 1.
	MinInSync int `json:"minInSync" pulumi:"minInSync,optional" min:"1" max:"100"`
	// RetentionHours of a message. -1 keeps messages for ever; 0 is the default.
	RetentionHours int `json:"retentionHours" pulumi:"retentionHours,optional" default:"168" min:"-1" max:"87600"`
	// Compact keeps the newest message of each key instead of those of the
	// retention time.
	Compact bool `json:"compact" pulumi:"compact,optional"`
	// MaxMessageBytes is the largest message. Default: the broker's, 1 MiB.
	MaxMessageBytes int `json:"maxMessageBytes" pulumi:"maxMessageBytes,optional" min:"1024" max:"104857600"`
}

// Authentication says how a user proves who it is.
type Authentication string

const (
	// Scram is a password, hashed with SHA-512, inside TLS.
	Scram Authentication = "scram-sha-512"
	// Certificate is a client certificate; it needs Args.MutualTLS.
	Certificate Authentication = "tls"
)

// User is one client program. It may do what is listed here and nothing else.
type User struct {
	// Name of the user and of its KafkaUser.
	Name string `json:"name" pulumi:"name" required:"true" format:"label"`
	// Authentication is a password (scram-sha-512) or a client certificate (tls), which
	// needs mutualTLS.
	Authentication Authentication `json:"authentication" pulumi:"authentication,optional" default:"scram-sha-512" enum:"scram-sha-512,tls"`
	// Produce are the topics it writes.
	Produce []string `json:"produce" pulumi:"produce,optional"`
	// Consume are the topics it reads.
	Consume []string `json:"consume" pulumi:"consume,optional"`
	// Group of its consumers. Required with Consume.
	Group string `json:"group" pulumi:"group,optional"`
	// DeadLetter is the topic for messages that the user could not process. It may write
	// the topic, and read it again in the group of the same name with the suffix "-replay".
	// Default: none.
	DeadLetter string `json:"deadLetter" pulumi:"deadLetter,optional"`
	// DescribeTopics lists topics whose offsets the user may see, but no messages.
	DescribeTopics []string `json:"describeTopics" pulumi:"describeTopics,optional"`
	// DescribeGroups lists consumer groups whose committed offsets the user may see.
	DescribeGroups []string `json:"describeGroups" pulumi:"describeGroups,optional"`
	// MaxConsumers is the most consumers of Group that the user runs. Consumers beyond a
	// topic's partitions would be idle. Default: not checked.
	MaxConsumers int `json:"maxConsumers" pulumi:"maxConsumers,optional" min:"0" max:"1000"`
	// TransactionPrefix is the prefix of its transactional ids. Default: no transactions.
	TransactionPrefix string `json:"transactionPrefix" pulumi:"transactionPrefix,optional"`
	// Quotas keep one client from taking a whole broker. Default: none.
	Quotas *Quotas `json:"quotas" pulumi:"quotas,optional"`
}

// ReplayGroup is the consumer group that reads the dead-letter topic of a group.
func ReplayGroup(group string) string { return group + "-replay" }

// Quotas limit one user on each broker. 0 is no limit.
type Quotas struct {
	// ProducerByteRate in bytes per second.
	ProducerByteRate int `json:"producerByteRate" pulumi:"producerByteRate,optional" min:"0" max:"2147483647"`
	// ConsumerByteRate in bytes per second.
	ConsumerByteRate int `json:"consumerByteRate" pulumi:"consumerByteRate,optional" min:"0" max:"2147483647"`
	// RequestPercentage is the time that its requests may take of the network and request
	// threads, in percent of one CPU.
	RequestPercentage int `json:"requestPercentage" pulumi:"requestPercentage,optional" min:"0" max:"10000"`
}
