package kafka

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// OwnTopics configures Kafka's own topics, __consumer_offsets and __transaction_state.
// Kafka reads these settings only when it creates the topics, at the first use of each.
// Afterwards they change nothing: they state what the topics have, and whoever sets one
// vouches for that. docs/kafka.md has the commands that change the topics.
type OwnTopics struct {
	// Replicas of each partition, at most the number of brokers. Required where the default
	// would change for a running cluster. Default: the cluster's replication factor.
	Replicas int `json:"replicas" pulumi:"replicas,optional" min:"1" max:"100"`
	// MinInSync is how many replicas of __transaction_state must have a record. Required
	// where the default would change for a running cluster. Default: the cluster's
	// minInSync, at most replicas - 1 and at least 1.
	MinInSync int `json:"minInSync" pulumi:"minInSync,optional" min:"1" max:"100"`
}

// ownTopics returns the settings with their defaults. They are not kept in the
// arguments: a value that was given is what somebody knows of the topics.
func (a *Args) ownTopics() OwnTopics {
	replicas := cmp.Or(a.OwnTopics.Replicas, a.ReplicationFactor)
	return OwnTopics{replicas, cmp.Or(a.OwnTopics.MinInSync, max(1, min(a.MinInSync, replicas-1)))}
}

// checkOwnTopics says nothing of what follows from the cluster's figures.
func (a *Args) checkOwnTopics(path *field.Path) field.ErrorList {
	if a.OwnTopics == (OwnTopics{}) {
		return nil
	}
	own := a.ownTopics()
	return checkReplication(path, "replicas", own.Replicas, own.MinInSync, a.count(Broker))
}

// The broker settings by which Kafka makes its own topics.
const (
	offsetsReplicas      = "offsets.topic.replication.factor"
	transactionReplicas  = "transaction.state.log.replication.factor"
	transactionMinInSync = "transaction.state.log.min.isr"
)

// ownTopicsChange refuses a default that moves with the number of brokers or with other
// settings: it would claim copies that the topics do not have.
func ownTopicsChange(a *Args, c change) field.ErrorList {
	var errs field.ErrorList
	refuse := func(given int, name, setting, exist, command string) {
		was, is := c.numbers(`spec.kafka.config["` + setting + `"]`)
		if given == 0 && was != 0 && was != is {
			errs = append(errs, field.Invalid(field.NewPath("ownTopics", name), is, fmt.Sprintf(
				"must be said, since Kafka does not change %s: set it to %d as before; or change %s, and then set it to %d (docs/kafka.md)",
				exist, was, command, is)))
		}
	}
	refuse(a.OwnTopics.Replicas, "replicas", offsetsReplicas, "__consumer_offsets and __transaction_state once they exist", "them with kafka-reassign-partitions.sh")
	refuse(a.OwnTopics.MinInSync, "minInSync", transactionMinInSync, "__transaction_state once it exists", "it with kafka-configs.sh")
	return errs
}
