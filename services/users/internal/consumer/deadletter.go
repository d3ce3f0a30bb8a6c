package consumer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/twmb/franz-go/pkg/kerr"
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
	// HeaderKeyOmitted is the size of a key that is too long; the letter's key is
	// then its SHA-256 in hex.
	HeaderKeyOmitted = "dlq_omitted_key_bytes"
	// HeaderHeadersOmitted is how many of the event's headers are left out.
	HeaderHeadersOmitted = "dlq_omitted_headers"
)

// What a letter copies of a record is bounded, so that every letter fits into a
// topic with Kafka's default limit of 1 MiB: 64 KiB of value, and these.
const (
	// maxKey is many times the longest user id.
	maxKey = 1 << 10
	// maxHeaders is for names and values together.
	maxHeaders = 32 << 10
	// maxDetail keeps a stack trace from filling the topic.
	maxDetail = 4 << 10
)

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
	for whole, alone := true, false; ; {
		span := g.options.Tracer.Publish(letter)
		err := g.produce(stopping, letter, alone)
		span.End(err)
		if err == nil {
			break
		}
		g.options.Log.Error("cannot write a dead letter", "topic", letter.Topic, "error", err.Error())
		if !alone && doesNotFit(err) {
			alone = true
			continue
		}
		if whole && doesNotFit(err) {
			whole, letter = false, withoutContent(g.options.Group, record, why)
			continue
		}
		if !pause(stopping, pauses.NextBackOff()) {
			return stopped
		}
	}
	g.metrics.dead.WithLabelValues(why.reason).Inc()
	g.options.Log.Error("dead letter", "topic", record.Topic, "partition", record.Partition, "offset", record.Offset,
		"reason", why.reason, "attempts", why.attempts, "error", why.detail())
	return buried
}

// detail is the error, cut to maxDetail bytes: errors quote what they are about.
func (f failure) detail() string {
	text := f.err.Error()
	return strings.ToValidUTF8(text[:min(maxDetail, len(text))], "")
}

// doesNotFit holds when the topic's own limits refuse the record, whenever it comes.
func doesNotFit(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge) || errors.Is(err, kerr.InvalidRecord)
}

// produceTimeout bounds one attempt, which is not cut short by the end.
const produceTimeout = 10 * time.Second

// produce can keep a letter apart: the client puts those that are written at once into one
// batch, and a topic refuses that as a whole.
func (g *Group) produce(ctx context.Context, letter *kgo.Record, alone bool) error {
	if alone {
		g.letters.Lock()
		defer g.letters.Unlock()
	} else {
		g.letters.RLock()
		defer g.letters.RUnlock()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), produceTimeout)
	defer cancel()
	// The client leaves it that of the first attempt, which has ended.
	letter.Context = ctx
	return g.client.ProduceSync(ctx, letter).FirstErr()
}

// deadLetter is a copy with the reason. One that comes from a replay keeps where
// the event first lay.
func deadLetter(group string, record *kgo.Record, why failure) *kgo.Record {
	letter := labelled(group, record, why)
	headers, left := bounded(original(record).Headers)
	letter.Headers = append(headers, letter.Headers...)
	before, _ := strconv.Atoi(events.Header(record, HeaderHeadersOmitted))
	if left += before; left > 0 {
		set(letter, HeaderHeadersOmitted, strconv.Itoa(left))
	}
	if len(record.Value) <= events.MaxBytes {
		letter.Value = record.Value
	}
	return letter
}

// withoutContent is for a topic with a limit that the copy exceeds: it says only
// what went wrong and where the event lies.
func withoutContent(group string, record *kgo.Record, why failure) *kgo.Record {
	letter := labelled(group, record, why)
	if parent := events.Header(record, tracing.Header); len(parent) <= maxKey {
		tracing.SetParent(letter, parent)
	}
	if events.Header(letter, HeaderOmitted) == "" {
		set(letter, HeaderOmitted, strconv.Itoa(len(record.Value)))
	}
	return letter
}

// labelled is a letter that copies nothing but the key.
func labelled(group string, record *kgo.Record, why failure) *kgo.Record {
	letter := &kgo.Record{Topic: DeadLetters(group), Key: record.Key}
	earlier, _ := strconv.Atoi(events.Header(record, HeaderAttempts))
	set(letter, HeaderReason, why.reason)
	set(letter, HeaderDetail, why.detail())
	set(letter, HeaderGroup, group)
	set(letter, HeaderAttempts, strconv.Itoa(earlier+why.attempts))
	set(letter, HeaderTime, time.Now().UTC().Format(time.RFC3339Nano))
	keep := func(key, value string) {
		if first := events.Header(record, key); first != "" {
			value = first
		}
		if value != "" {
			set(letter, key, value)
		}
	}
	keep(HeaderTopic, record.Topic)
	keep(HeaderPartition, fmt.Sprint(record.Partition))
	keep(HeaderOffset, fmt.Sprint(record.Offset))
	keep(HeaderOmitted, tooLong(record.Value, events.MaxBytes))
	keep(HeaderKeyOmitted, tooLong(record.Key, maxKey))
	if len(record.Key) > maxKey {
		sum := sha256.Sum256(record.Key)
		letter.Key = hex.AppendEncode(nil, sum[:])
	}
	return letter
}

// tooLong returns the length of what is longer than the limit, or "".
func tooLong(content []byte, limit int) string {
	if len(content) <= limit {
		return ""
	}
	return strconv.Itoa(len(content))
}

func set(letter *kgo.Record, key, value string) {
	letter.Headers = append(letter.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
}

// bounded keeps whole headers while they fit: a header that is cut would say
// something else. It returns how many are left out.
func bounded(headers []kgo.RecordHeader) (kept []kgo.RecordHeader, left int) {
	room := maxHeaders
	for _, header := range headers {
		size := len(header.Key) + len(header.Value)
		if size > room {
			left++
			continue
		}
		room -= size
		kept = append(kept, header)
	}
	return kept, left
}

// original is the event as it was before it became a dead letter.
func original(letter *kgo.Record) *kgo.Record {
	return &kgo.Record{Key: letter.Key, Value: letter.Value, Headers: slices.DeleteFunc(slices.Clone(letter.Headers),
		func(h kgo.RecordHeader) bool { return strings.HasPrefix(h.Key, deadPrefix) })}
}
