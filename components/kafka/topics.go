package kafka

const hour = 60 * 60 * 1000

// topicSpec is a KafkaTopic's spec.
func topicSpec(t Topic) object {
	config := object{
		"cleanup.policy":      "delete",
		"min.insync.replicas": t.MinInSync,
		"retention.ms":        retention(t.RetentionHours),
	}
	if t.Compact {
		config["cleanup.policy"] = "compact"
	}
	if t.MaxMessageBytes != 0 {
		config["max.message.bytes"] = t.MaxMessageBytes
	}
	return object{
		"topicName":  t.Name,
		"partitions": t.Partitions,
		"replicas":   t.Replicas,
		"config":     config,
	}
}

func retention(hours int) int {
	if hours < 0 {
		return -1
	}
	return hours * hour
}
