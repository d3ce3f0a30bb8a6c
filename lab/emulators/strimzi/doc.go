// Package operator is the lab's emulator of the Strimzi operator: it runs real Kafka for the resources that
// components/kafka makes, and keeps the contract that clients of that component rely on. Strimzi's own program is in
// no package registry.
//
// It acts on Kafka with KafkaNodePool (KRaft, internal listeners, SCRAM-SHA-512 or client certificates, simple
// authorization), KafkaTopic and KafkaUser in every namespace, with Strimzi's names, labels, Secrets, finalizers and
// conditions. Each resource is compared with what is, at every change and every two minutes, so that a kill at any
// point costs nothing but time.
//
// What it does not do, and says in a condition: cruise control, the exporter, racks, other versions than 3.7.1,
// taking nodes away, growing volumes. It renews no certificates and needs no pods of its own for topics and users.
package strimzi
