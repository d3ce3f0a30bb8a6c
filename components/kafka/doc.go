// Package kafka describes a Kafka cluster with its topics and users as the
// custom resources of the Strimzi operator, and installs that operator if asked.
//
// One component named "kafka" makes:
//
//   - a Kafka "kafka" in KRaft mode, with one KafkaNodePool per entry of
//     Args.Pools. A laptop and a production cluster differ in those entries
//     alone: one pool whose single node is controller and broker, or three
//     controllers and three brokers.
//   - one KafkaTopic per topic. Their object names are the topics' with '-' in
//     place of '_' and '.', which Kubernetes does not take.
//   - one KafkaUser per user, with the access it needs and no other
//   - NetworkPolicies for what the cluster itself must reach: a namespace may
//     refuse all by default, and Strimzi writes policies for callers only
//
// Clients connect to Bootstrap with SCRAM-SHA-512 over TLS. Strimzi writes a user's
// password into the Secret that UserSecrets names (key "password") and the certificate
// authority into the Secret in CASecret (every "*.crt").
//
// # Values known later
//
// Namespace, RackKey, Operator.Chart, Storage.Class and the labels and ranges of
// IngressFrom may be outputs of other resources. All else decides which objects
// there are, or is checked against each other, and is plain.
//
// # Versions
//
// Kafka 3.7.1 needs Strimzi 0.42 to 0.44, whose resources are v1beta2.
//
// Kafka 3.7.1 can lose passwords when a broker restarts after a user was
// removed (ScramDelta.apply; seen in the lab). Strimzi writes them again when it
// next looks at its users, by default within two minutes; that heals it by
// Strimzi's documentation and was not tried. Clients must go on after
// SASL_AUTHENTICATION_FAILED, as the workload's do.
//
// # Order and life
//
// Pools come before the Kafka, which comes before topics and users, and all after
// the operator, so that on a destroy the operators outlive what they must finish.
//
// The Kafka, its pools and topics stay in the cluster when the stack goes, and the next
// deployment adopts them; Args.Protect refuses to let them go at all. What may go is
// named in Args.Removed. Updates that Strimzi would ignore, or that would lose data, are
// refused by hooks that see the state, in previews too. docs/kafka.md has the decisions,
// the upgrade path and the ways out.
package kafka
