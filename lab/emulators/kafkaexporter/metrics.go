package kafkaexporter

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// all are the metrics in the order of their making.
var all []*prometheus.Desc

var (
	brokers    = metric("brokers", "Brokers of the cluster.")
	brokerInfo = metric("broker_info", "1 for each broker.", "id", "address")

	partitions      = metric("topic_partitions", "Partitions of the topic.", "topic")
	end             = metric("topic_partition_current_offset", "Offset of the partition's next record.", "topic", "partition")
	start           = metric("topic_partition_oldest_offset", "Offset of the partition's oldest record.", "topic", "partition")
	leader          = metric("topic_partition_leader", "Broker that leads the partition.", "topic", "partition")
	replicas        = metric("topic_partition_replicas", "Replicas of the partition.", "topic", "partition")
	inSync          = metric("topic_partition_in_sync_replica", "Replicas of the partition that are in sync.", "topic", "partition")
	preferred       = metric("topic_partition_leader_is_preferred", "1 if the partition's leader is its preferred one.", "topic", "partition")
	underReplicated = metric("topic_partition_under_replicated_partition", "1 if a replica of the partition is not in sync.", "topic", "partition")

	members   = metric("consumergroup_members", "Members of the group.", "consumergroup")
	offset    = metric("consumergroup_current_offset", "Offset that the group has committed, -1 for none.", "consumergroup", "topic", "partition")
	offsetSum = metric("consumergroup_current_offset_sum", "Sum of the offsets over the topic's partitions.", "consumergroup", "topic")
	lag       = metric("consumergroup_lag", "Records that the group is behind, -1 without an offset.", "consumergroup", "topic", "partition")
	lagSum    = metric("consumergroup_lag_sum", "Records that the group is behind in the whole topic.", "consumergroup", "topic")
)

func metric(name, help string, labels ...string) *prometheus.Desc {
	made := prometheus.NewDesc("kafka_"+name, help, labels, nil)
	all = append(all, made)
	return made
}

func gauge[N int | int32 | int64](out chan<- prometheus.Metric, of *prometheus.Desc, value N, labels ...string) {
	out <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, float64(value), labels...)
}

func number(n int32) string { return strconv.Itoa(int(n)) }

func truth(holds bool) int {
	if holds {
		return 1
	}
	return 0
}
