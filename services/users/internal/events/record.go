package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Headers of a record, as the Kafka binding of CloudEvents names them.
const (
	headerContentType = "content-type"
	headerSpec        = "ce_specversion"
	headerID          = "ce_id"
	headerSource      = "ce_source"
	headerType        = "ce_type"
	headerSubject     = "ce_subject"
	headerTime        = "ce_time"
	headerSchema      = "ce_dataschema"
	headerSequence    = "ce_sequence"
)

const (
	specVersion = "1.0"
	contentType = "application/json"
)

// MaxBytes is the longest data of an event that anyone takes. The longest that
// the service publishes is a tenth of it.
const MaxBytes = 64 << 10

// Reason says in one word why a record is not an event that we know.
type Reason string

// Reasons of a FormatError.
const (
	Malformed     Reason = "malformed"
	Oversized     Reason = "oversized"
	UnknownType   Reason = "unknown-type"
	UnknownSchema Reason = "unknown-schema"
)

// FormatError says that a record is not an event that we know; it will not
// become one by waiting.
type FormatError struct {
	Reason Reason
	Detail string
}

func (e *FormatError) Error() string { return fmt.Sprintf("%s: %s", e.Reason, e.Detail) }

func wrong(reason Reason, format string, args ...any) error {
	return &FormatError{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// Key is the key of a user's records.
func Key(userID int64) []byte { return strconv.AppendInt(nil, userID, 10) }

// Record returns the event as a record of a topic. Its timestamp is left to the
// client, which sets the time of publishing: Kafka deletes records by it, and an
// event that waited in the outbox for longer than the topic's retention would be
// deleted unread. When the change happened is in ce_time.
func (e *Event) Record(topic string) *kgo.Record {
	header := func(key, value string) kgo.RecordHeader { return kgo.RecordHeader{Key: key, Value: []byte(value)} }
	return &kgo.Record{
		Topic: topic, Key: Key(e.UserID), Value: e.Data,
		Headers: []kgo.RecordHeader{
			header(headerContentType, contentType),
			header(headerSpec, specVersion),
			header(headerID, e.ID.String()),
			header(headerSource, e.Source),
			header(headerType, e.Type),
			header(headerSubject, strconv.FormatInt(e.UserID, 10)),
			header(headerTime, e.Time.UTC().Format(time.RFC3339Nano)),
			header(headerSchema, urn+e.Schema),
			// Padded, so that it also sorts as text.
			header(headerSequence, fmt.Sprintf("%019d", e.Sequence)),
		},
	}
}

// Header returns the value of a record's header, "" for none.
func Header(r *kgo.Record, key string) string {
	i := slices.IndexFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == key })
	if i < 0 {
		return ""
	}
	return string(r.Headers[i].Value)
}

// FromRecord returns the event, or a *FormatError. The event's data is not
// copied from the record.
func FromRecord(r *kgo.Record) (*Event, error) {
	if len(r.Value) > MaxBytes {
		return nil, wrong(Oversized, "%d bytes are more than %d", len(r.Value), MaxBytes)
	}
	e := &Event{Type: Header(r, headerType), Source: Header(r, headerSource), Data: json.RawMessage(r.Value)}
	for _, check := range []func(*kgo.Record, *Event) error{readEnvelope, readKey, readType, readData} {
		if err := check(r, e); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func readEnvelope(r *kgo.Record, e *Event) (err error) {
	if spec := Header(r, headerSpec); spec != specVersion {
		return wrong(Malformed, "%s is %.40q and not %q", headerSpec, spec, specVersion)
	}
	if e.ID, err = uuid.Parse(Header(r, headerID)); err != nil {
		return wrong(Malformed, "%s: %v", headerID, err)
	}
	if e.Time, err = time.Parse(time.RFC3339Nano, Header(r, headerTime)); err != nil {
		return wrong(Malformed, "%s: %v", headerTime, err)
	}
	if e.Sequence, err = strconv.ParseInt(Header(r, headerSequence), 10, 64); err != nil {
		return wrong(Malformed, "%s: %v", headerSequence, err)
	}
	return nil
}

func readKey(r *kgo.Record, e *Event) (err error) {
	e.UserID, err = strconv.ParseInt(string(r.Key), 10, 64)
	if err != nil || !bytes.Equal(r.Key, Key(e.UserID)) {
		return wrong(Malformed, "the key %.40q is not a user id", r.Key)
	}
	if subject := Header(r, headerSubject); subject != string(r.Key) {
		return wrong(Malformed, "%s is %.40q and the key %.40q", headerSubject, subject, r.Key)
	}
	return nil
}

func readType(r *kgo.Record, e *Event) error {
	schemas, known := schemasOf[e.Type]
	if !known {
		return wrong(UnknownType, "%.100q", e.Type)
	}
	uri := Header(r, headerSchema)
	name, found := strings.CutPrefix(uri, urn)
	if !found || !slices.Contains(schemas, name) {
		return wrong(UnknownSchema, "%s with %.100q", e.Type, uri)
	}
	e.Schema = name
	return nil
}

func readData(r *kgo.Record, e *Event) error {
	if content := Header(r, headerContentType); content != contentType {
		return wrong(Malformed, "%s is %.40q and not %q", headerContentType, content, contentType)
	}
	if err := checkData(e.Schema, e.Data); err != nil {
		return wrong(Malformed, "%v", err)
	}
	var owner struct {
		UserID int64 `json:"user_id"`
	}
	if err := json.Unmarshal(e.Data, &owner); err != nil {
		return wrong(Malformed, "%v", err)
	}
	if owner.UserID != e.UserID {
		return wrong(Malformed, "the data is of user %d and the key of %d", owner.UserID, e.UserID)
	}
	return nil
}
