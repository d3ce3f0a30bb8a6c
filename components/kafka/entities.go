package kafka

// DefaultPartitions of a topic.
const DefaultPartitions = 12

// Topic is one stream of messages.
type Topic struct {
	// Name in Kafka: letters, digits, '.', '_' and '-', up to 249.
	Name string
	// Partitions, 1 to 1000. They can be added, which moves keys between
	// partitions and so breaks their order, and never taken away: be generous.
	// Default: DefaultPartitions.
	Partitions int
	// Replicas of each partition, 1 to the number of brokers. Default:
	// Args.ReplicationFactor.
	Replicas int
	// MinInSync is Args.MinInSync for this topic. Default: Replicas - 1, at
	// least 1.
	MinInSync int
	// RetentionHours of a message, 1 to 87600, or -1 for ever. Default: 168.
	RetentionHours int
	// Compact keeps the newest message of each key instead of those of the
	// retention time.
	Compact bool
	// MaxMessageBytes, 1024 to 104857600. Default: the broker's, 1 MiB.
	MaxMessageBytes int
}

// Authentication says how a user proves who it is.
type Authentication string

const (
	// Scram is a password, hashed with SHA-512, inside TLS.
	Scram Authentication = "scram-sha-512"
	// Certificate is a client certificate; it needs Args.MutualTLS.
	Certificate Authentication = "tls"
)

// User is one client program. It may do what is listed and nothing else.
type User struct {
	// Name of the user, of its KafkaUser and of its Secret.
	Name string
	// Authentication is Scram or Certificate. Default: Scram.
	Authentication Authentication
	// Produce are the topics it writes.
	Produce []string
	// Consume are the topics it reads.
	Consume []string
	// Group of its consumers. Required with Consume.
	Group string
	// DeadLetter is the topic where it puts what it could not process. It may
	// write it, and read it again in the group ReplayGroup(Group). Default: none.
	DeadLetter string
	// MaxConsumers is how many consumers of Group it runs at most. More than a
	// topic's partitions would have no work. Default: not checked.
	MaxConsumers int
	// TransactionPrefix is how its transactional ids begin. Default: it has no
	// transactions.
	TransactionPrefix string
	// Quotas keep one client from taking a whole broker. Default: none.
	Quotas *Quotas
}

// ReplayGroup is the consumer group that reads the dead-letter topic of a group.
func ReplayGroup(group string) string { return group + "-replay" }

// Quotas limit one user on each broker. 0 is no limit.
type Quotas struct {
	// ProducerByteRate in bytes per second.
	ProducerByteRate int
	// ConsumerByteRate in bytes per second.
	ConsumerByteRate int
	// RequestPercentage of one CPU's network and request threads' time.
	RequestPercentage int
}
