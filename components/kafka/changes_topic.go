package kafka

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// topicChange refuses what the topic operator would refuse only after a timeout, and
// what would delete stored messages.
func topicChange(a *Args, c change) field.ErrorList {
	wasName, name := c.texts("spec.topicName")
	path := field.NewPath("topics").Key(name)
	if wasName != "" && wasName != name {
		return field.ErrorList{field.Forbidden(path, "would take the object of topic "+wasName+": choose a name that is less like it")}
	}
	var errs field.ErrorList
	if was, is := c.numbers("spec.partitions"); is < was {
		errs = append(errs, field.Invalid(path.Child("partitions"), is, fmt.Sprintf("must be at least %d: partitions cannot be taken away", was)))
	}
	if was, is := c.numbers("spec.replicas"); was != 0 && was != is && a.CruiseControl == nil {
		errs = append(errs, field.Invalid(path.Child("replicas"), is, fmt.Sprintf("must stay %d without cruiseControl, which makes and moves replicas", was)))
	}
	return append(errs, messagesChange(path, name, c)...)
}

// release is the way to change what deletes messages.
const release = "or stored messages are deleted: keep it, or name the topic in removed.messages, deploy, and only then change it"

// messagesChange refuses another cleanup policy, in either direction: compaction
// deletes the older messages of a key, and a retention time deletes what compaction has
// kept. The retention of a compacted topic deletes nothing.
func messagesChange(path *field.Path, topic string, c change) field.ErrorList {
	if released, _ := c.list(MessagesAnnotation); slices.Contains(released, topic) {
		return nil
	}
	const policy, compacted = `spec.config["cleanup.policy"]`, "compact"
	was, is := c.texts(policy)
	switch {
	case was != "" && was != is:
		return field.ErrorList{field.Invalid(path.Child("compact"), is == compacted, fmt.Sprintf("must stay %t, %s", was == compacted, release))}
	case is == compacted:
		return nil
	}
	from, to := c.numbers(`spec.config["retention.ms"]`)
	if !shrinks(from, to) {
		return nil
	}
	least := "be at least " + strconv.Itoa(hoursOf(from))
	if from < 0 {
		least = "stay -1, for ever"
	}
	return field.ErrorList{field.Invalid(path.Child("retentionHours"), hoursOf(to), fmt.Sprintf("must %s, %s", least, release))}
}

// shrinks compares two limits of what is stored. Below 0 is none, the largest.
func shrinks(from, to int) bool {
	return to >= 0 && (from < 0 || to < from)
}

func hoursOf(milliseconds int) int {
	if milliseconds < 0 {
		return -1
	}
	return (milliseconds + hour - 1) / hour
}

// sizeChange refuses a size limit in the broker's settings, which applies to every
// topic that is not compacted, because none of this component's topics has a limit of
// its own.
func sizeChange(a *Args, c change) field.ErrorList {
	const setting = "log.retention.bytes"
	old, next := c.texts(`spec.kafka.config["` + setting + `"]`)
	if !shrinks(limit(old), limit(next)) {
		return nil
	}
	released, _ := c.list(MessagesAnnotation)
	there, listed := c.list(TopicsAnnotation)
	for _, topic := range a.Topics {
		isNew := listed && !slices.Contains(there, topic.Name)
		if !isNew && !topic.Compact && !slices.Contains(released, topic.Name) {
			return field.ErrorList{field.Invalid(field.NewPath("config").Key(setting), next, fmt.Sprintf(
				"must be at least %s, or stored messages of topic %s are deleted: keep it, or name every topic without compact in removed.messages, deploy, and only then change it",
				largest(old), topic.Name))}
		}
	}
	return nil
}

// limit reads a setting whose default is no limit.
func limit(text string) int {
	number, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return -1
	}
	return number
}

func largest(text string) string {
	if limit(text) < 0 {
		return "-1 (no limit)"
	}
	return text
}
