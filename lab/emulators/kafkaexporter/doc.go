// Package kafkaexporter is the lab's emulator of kafka_exporter, the program that Strimzi 0.44.0 runs as the Kafka
// Exporter and that is in no package registry. It asks a Kafka cluster at every scrape and answers with metrics of the
// same names, labels and meaning (kafka_exporter.go of danielqsj/kafka_exporter):
//
//	a group without a member             has its series: offset.show-all is on, Strimzi's showAllOffsets
//	a topic that a group never committed no series
//	… of which it committed a part       lag and offset -1 for the other partitions, which the sum of the lag leaves
//	                                     out and the sum of the offsets counts as -1
//	a partition without a leader         no leader, no offsets, no lag; its replicas are there
//	Kafka does not answer at the start   the program ends
//	Kafka does not answer a scrape       an answer without the series, and a line in the log
//	/healthz                             ok, whatever Kafka does
//
// It is weaker in these. It asks for the topics at every scrape and not every 30 s, and remembers nothing of the last
// one: without Kafka not even kafka_brokers is there. It has no metrics of its own process. It connects without
// encryption or with certificates, not with passwords. Every scrape asks Kafka; scrapes at the same time share nothing.
package kafkaexporter
