package consumer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Headers that a dead letter has beside those of the event.
const (
	deadPrefix = "dlq_"
	// HeaderReason is one word.
	HeaderReason = "dlq_reason"
	// HeaderDetail is the error.
	HeaderDetail = "dlq_detail"
	// HeaderGroup is the group that failed.
	HeaderGroup = "dlq_group"
	// HeaderTopic, HeaderPartition and HeaderOffset are where the event lies.
	HeaderTopic     = "dlq_topic"
	HeaderPartition = "dlq_partition"
	HeaderOffset    = "dlq_offset"
	// HeaderAttempts counts all attempts, those of replays included.
	HeaderAttempts = "dlq_attempts"
	// HeaderTime is when the event was given up.
	HeaderTime = "dlq_time"
	// HeaderOmitted is the size of a value that is too long to be copied.
	HeaderOmitted = "dlq_omitted_bytes"
)

// maxDetail keeps a stack trace from filling the topic.
const maxDetail = 4 << 10

// failure is why a record is given up.
type failure struct {
	reason   string
	err      error
	attempts int
}

// bury puts a record into the dead-letter topic; it does not give up, because
// the partition cannot go on before.
func (g *Group) bury(stopping context.Context, record *kgo.Record, why failure) fate {
	letter := deadLetter(g.options.Group, record, why)
	pauses := newPauses()
	for {
		err := g.produce(stopping, letter)
		if err == nil {
			break
		}
		g.options.Log.Error("cannot write a dead letter", "topic", letter.Topic, "error", err.Error())
		if !pause(stopping, pauses.NextBackOff()) {
			return stopped
		}
	}
	g.metrics.dead.WithLabelValues(why.reason).Inc()
	g.options.Log.Error("dead letter", "topic", record.Topic, "partition", record.Partition, "offset", record.Offset,
		"reason", why.reason, "attempts", why.attempts, "error", why.err.Error())
	return buried
}

// produceTimeout bounds one attempt, which is not cut short by the end.
const produceTimeout = 10 * time.Second

func (g *Group) produce(ctx context.Context, letter *kgo.Record) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), produceTimeout)
	defer cancel()
	return g.client.ProduceSync(ctx, letter).FirstErr()
}

// deadLetter is a copy with the reason. One that comes from a replay keeps where
// the event first lay.
func deadLetter(group string, record *kgo.Record, why failure) *kgo.Record {
	letter := &kgo.Record{Topic: DeadLetters(group), Key: record.Key, Value: record.Value, Headers: original(record).Headers}
	set := func(key, value string) {
		letter.Headers = append(letter.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	earlier, _ := strconv.Atoi(events.Header(record, HeaderAttempts))
	detail := why.err.Error()
	set(HeaderReason, why.reason)
	set(HeaderDetail, detail[:min(maxDetail, len(detail))])
	set(HeaderGroup, group)
	set(HeaderAttempts, strconv.Itoa(earlier+why.attempts))
	set(HeaderTime, time.Now().UTC().Format(time.RFC3339Nano))
	for key, value := range map[string]string{
		HeaderTopic: record.Topic, HeaderPartition: fmt.Sprint(record.Partition), HeaderOffset: fmt.Sprint(record.Offset),
	} {
		if first := events.Header(record, key); first != "" {
			value = first
		}
		set(key, value)
	}
	if omitted := events.Header(record, HeaderOmitted); omitted != "" {
		set(HeaderOmitted, omitted)
	} else if len(record.Value) > events.MaxBytes {
		set(HeaderOmitted, strconv.Itoa(len(record.Value)))
		letter.Value = nil
	}
	return letter
}

// original is the event as it was before it became a dead letter.
func original(letter *kgo.Record) *kgo.Record {
	return &kgo.Record{Key: letter.Key, Value: letter.Value, Headers: slices.DeleteFunc(slices.Clone(letter.Headers),
		func(h kgo.RecordHeader) bool { return strings.HasPrefix(h.Key, deadPrefix) })}
}
