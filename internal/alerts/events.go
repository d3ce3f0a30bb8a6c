package alerts

import "fmt"

const (
	lagOf = "max by (namespace, consumergroup, topic, partition) (kafka_consumergroup_lag)"
	// held are the events of a partition. Two exporters answer while one replaces the other.
	held = "max by (namespace, topic, partition) (kafka_topic_partition_current_offset - kafka_topic_partition_oldest_offset)"
	// behind counts a partition for which the group has no offset yet, whose lag is -1, as all that it holds.
	behind = "sum by (namespace, consumergroup, topic) (" + lagOf + " >= 0 or 0 * " + lagOf + " + on (namespace, topic, partition) group_left () " + held + ")"
)

func events(o Options) []Rule {
	return []Rule{
		{
			Name: "ConsumerLagGrows", Severity: Warning, For: "10m",
			Expr:    fmt.Sprintf("%[1]s > %[2]d and delta((%[1]s)[10m:1m]) > 0", behind, o.Lag),
			Summary: "Group {{ $labels.consumergroup }} is {{ $value }} events of {{ $labels.topic }} behind, and more every minute",
			Description: "The broker counts this, so it holds for a group without a consumer too (kafka.exporter). Look at the consumer's pods, " +
				"then at replicas.max: beyond the topic's partitions more pods get nothing.",
		},
		{
			Name: "EventsDead", Severity: Warning, For: "0m",
			// A process' counter begins with its first dead letter, which no increase shows.
			Expr: "sum by (namespace, container, reason) (increase(scalestack_consumer_dead_letters_total[15m]) > 0" +
				" or (scalestack_consumer_dead_letters_total unless scalestack_consumer_dead_letters_total offset 15m)) > 0",
			Summary:     "{{ $labels.container }} has given up {{ $value | printf \"%.0f\" }} events ({{ $labels.reason }})",
			Description: "They are in the group's dead-letter topic for a month. Mend the cause, then replay them.",
		},
		{
			Name: "EventsNotPublished", Severity: Critical, For: "5m",
			Expr:    "max by (namespace, shard) (scalestack_outbox_oldest_seconds) > 300",
			Summary: "Changes on {{ $labels.shard }} have waited {{ $value | humanizeDuration }} for Kafka",
			Description: "Nothing is lost: they are in the shard's outbox. Mails, counts and invalidations of these users are late. Look at the relay " +
				"and at Kafka.",
		},
		{
			Name: "EventsParked", Severity: Warning, For: "0m",
			Expr:        "max by (namespace, shard) (scalestack_outbox_parked_rows) > 0",
			Summary:     "Kafka refuses {{ $value }} events of {{ $labels.shard }} for good",
			Description: "They are kept in the outbox and the others go on. The relay's log says why.",
		},
		{
			Name: "ShardHasNoRelay", Severity: Critical, For: "5m",
			Expr: "scalestack_shard_up == 1 unless on (namespace, shard) (sum by (namespace, shard) (scalestack_relay_leads) > 0)" +
				// Only where there are relays at all: within the last day.
				" and on (namespace) (count by (namespace) (count_over_time(scalestack_relay_leads[1d])))",
			Summary:     "Nobody publishes the events of {{ $labels.shard }}",
			Description: "The shard answers and no relay leads it: the relays are gone, or are not scraped.",
		},
		{
			Name: "PartitionsOffline", Severity: Critical, For: "1m",
			Expr:        "sum by (namespace) (kafka_controller_kafkacontroller_offlinepartitionscount) > 0",
			Summary:     "{{ $value }} partitions can be neither written nor read",
			Description: "All brokers that have them are away. Events wait in the outboxes.",
		},
		{
			Name: "PartitionsBelowMinimum", Severity: Critical, For: "2m",
			Expr:        "sum by (namespace) (kafka_server_replicamanager_underminisrpartitioncount) > 0",
			Summary:     "{{ $value }} partitions take no messages",
			Description: "Too few of their replicas are in sync. Events wait in the outboxes. Look for the broker that is away or behind.",
		},
	}
}
