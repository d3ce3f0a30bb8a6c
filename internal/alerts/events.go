package alerts

import "fmt"

const (
	lagOf = "max by (namespace, consumergroup, topic, partition) (kafka_consumergroup_lag)"
	// held are the events of a partition. Two exporters answer while one replaces the other.
	held = "max by (namespace, topic, partition) (kafka_topic_partition_current_offset - kafka_topic_partition_oldest_offset)"
	// behind counts a partition for which the group has no offset yet, whose lag is -1, as all that it holds.
	behind = "sum by (namespace, consumergroup, topic) (" + lagOf + " >= 0 or 0 * " + lagOf + " + on (namespace, topic, partition) group_left () " + held + ")"
)

const (
	group = "by (namespace, consumergroup, topic, partition)"
	// waits are partitions of which the group has not been at the end for half an hour.
	waits = "min " + group + " (min_over_time(kafka_consumergroup_lag[30m])) > 0"
	// unmoved are those of which it has committed nothing since.
	unmoved = "max " + group + " (kafka_consumergroup_current_offset) == max " + group + " (kafka_consumergroup_current_offset offset 30m)"

	// fenced brokers are registered and send no heartbeats. Each controller counts them.
	fenced = "max by (namespace) (kafka_controller_kafkacontroller_fencedbrokercount) > 0"
	// controllers are those that tell anything.
	controllers = "count by (namespace) (count by (namespace, pod) (kafka_controller_kafkacontroller_fencedbrokercount))"
)

// controllersMissing compares with the most that there were: Strimzi cannot take controllers away.
func controllersMissing(o Options) string {
	return fmt.Sprintf("max_over_time((%[1]s)[%[2]dh:5m]) - %[1]s > 0", controllers, o.GoneHours)
}

func events(o Options) []Rule {
	return []Rule{
		{
			Name: "ConsumerLagGrows", Severity: Warning, For: "10m",
			Expr:    fmt.Sprintf("%[1]s > %[2]d and delta((%[1]s)[10m:1m]) >= 0", behind, o.Lag),
			Summary: "Group {{ $labels.consumergroup }} is {{ $value }} events of {{ $labels.topic }} behind, and does not catch up",
			Description: "The broker counts this, so it holds for a group without a consumer too (kafka.exporter). Look at the consumer's pods, " +
				"then at replicas.max: beyond the topic's partitions more pods get nothing.",
		},
		{
			Name: "ConsumerStandsStill", Severity: Warning, For: "5m",
			Expr:    "sum by (namespace, consumergroup, topic) (" + waits + " and " + unmoved + ")",
			Summary: "Group {{ $labels.consumergroup }} has {{ $value }} events of {{ $labels.topic }} before it and has worked on none for half an hour",
			Description: "However few they are, they wait: its pods hang, are not there, or try one event again and again. The alert lasts until the group goes on, also when no " +
				"more events come.",
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
			Name: "PartitionsUnderReplicated", Severity: Warning, For: "15m",
			Expr:    "sum by (namespace) (max by (namespace, pod) (kafka_server_replicamanager_underreplicatedpartitions)) > 0",
			Summary: "{{ $value }} partitions have fewer copies than they should",
			Description: "Users notice nothing yet. A broker is away or does not keep up; the loss of another one may stop writes, or lose what only it has. Look for a " +
				"broker that is not there, or is short of disk or CPU.",
		},
		{
			Name: "KafkaNodeMissing", Severity: Warning, For: "10m",
			Expr:    labelled(fenced, `"role", "broker", "", ""`) + " or " + labelled(controllersMissing(o), `"role", "controller", "", ""`),
			Summary: "{{ $value }} of Kafka's nodes with the role {{ $labels.role }} are away",
			Description: "Users notice nothing yet. Of three brokers or controllers the second one that goes stops all writes. Look for a pod that is Pending: its volume may " +
				"belong to a node of Kubernetes that is gone.",
		},
		{
			Name: "PartitionsOffline", Severity: Critical, For: "1m",
			// Each controller counts them.
			Expr:        "max by (namespace) (kafka_controller_kafkacontroller_offlinepartitionscount) > 0",
			Summary:     "{{ $value }} partitions can be neither written nor read",
			Description: "All brokers that have them are away. Events wait in the outboxes.",
		},
		{
			Name: "PartitionsBelowMinimum", Severity: Critical, For: "2m",
			Expr:        "sum by (namespace) (max by (namespace, pod) (kafka_server_replicamanager_underminisrpartitioncount)) > 0",
			Summary:     "{{ $value }} partitions take no messages",
			Description: "Too few of their replicas are in sync. Events wait in the outboxes. Look for the broker that is away or behind.",
		},
	}
}
