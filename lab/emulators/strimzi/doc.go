// Package strimzi is the lab's emulator of the Strimzi operator 0.44.0, whose own program is in no package registry. It
// runs real Kafka 3.7.1 for Kafka with KafkaNodePool (KRaft, internal listeners, SCRAM-SHA-512 or client certificates,
// simple authorization), KafkaTopic and KafkaUser in every namespace. Each resource is compared with what is, at every
// change and every two minutes, so that a kill at any point costs nothing but time.
//
// It must never be kinder than Strimzi: what loses a cluster there loses it here. Where the two could differ, this is
// what both do, and the class of Strimzi's that says so:
//
//	a kept volume under a new Kafka resource   does not start: "Invalid cluster.id"    kafka_run.sh
//	a Kafka resource made again beside pools   takes the cluster id of their status     NodePoolUtils
//	KafkaTopic without Kafka or its operator   keeps its finalizer                      BatchingTopicController
//	… with STRIMZI_USE_FINALIZERS=false        goes; the topic too if its operator runs TopicEventHandler.onDelete
//	one of two KafkaTopics for a topic goes    the topic is deleted                     BatchingTopicController.deleteInternal
//	two KafkaTopics as old as each other       neither has the topic                    validateSingleManagingResource
//	KafkaTopic deleted with another topicName  keeps its finalizer                      validateUnchangedTopicName
//	fewer partitions, another replica factor   Ready=False, NotSupported                BatchingTopicController
//	broker settings that are Strimzi's own     left out, no condition                   AbstractConfiguration
//	more copies than brokers in the settings   NotReady                                 KafkaCluster
//	requests above limits, no roles, no size   NotReady                                 KafkaPool, NodePoolUtils, StorageUtils
//	listeners with one name or port            NotReady                                 ListenersValidator
//	fewer brokers while one has partitions     reverted, Warning                        KafkaClusterCreator
//	a pool that is deleted                     its brokers go, without a check          StrimziPodSet's owner
//	a pool that grows past another             the lowest free numbers                  NodeIdAssignor
//	storage that shrinks or changes its class  ignored, Warning                         StorageDiff
//	storage that grows, class cannot           ignored, Warning                         PvcReconciler
//	Cruise Control with one broker             NotReady                                 CruiseControlMetricsReporter
//	cluster-pool-id over 63 characters         NotReady                                 the API server
//	KafkaUser with another Secret's name       the Secret is replaced and owned         KafkaUserModel
//	a resource in foreground deletion          what is missing of it is made again      KafkaAssemblyOperator
//	authorities' Secrets                       ca.crt, ca.p12, ca.password, generation  Ca
//	a replaced authority's key                 two certificates until all nodes changed CaReconciler
//	metricsConfig                              exporter on port 9404 of every node      MetricsModel
//	kafkaExporter                              a super user's certificate, port 9404    KafkaExporter
//	… that is not ready                        NotReady                                 KafkaExporterReconciler
//	… after a new authority or certificate     its pod is replaced                      KafkaExporterReconciler
//	a status while nodes restart               stays as it was, for five minutes        KafkaAssemblyOperator
//	restarts                                   one pod at a time                        KafkaRoller
//	PodDisruptionBudget                        minAvailable                             PodDisruptionBudgetUtils
//	pods                                       StrimziPodSet, own ServiceAccount        StrimziPodSetController
//
// It is stricter in one thing: it refuses another number of controllers, which Strimzi documents as impossible and
// then tries.
//
// It is weaker in these. The entity operator's Deployment runs containers that only wait; the emulator does their work
// from outside, for as long as the pod is ready. Cruise Control for several brokers and racks do not run, which a
// condition says. The Kafka Exporter is the lab's own (package kafkaexporter) in an image of its own; the resource's image,
// showAllOffsets, logging and probes are not read. No agent listens on port 8443. Certificates are not renewed. Removed
// brokers are not unregistered. The annotations that choose nodes' numbers are not read. No other version than 3.7.1 runs. The values
// of broker settings are not held against Kafka's types and ranges, as KafkaConfiguration.validate does: a broker that does
// not take one fails.
package strimzi
