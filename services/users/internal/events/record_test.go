package events

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

func created() *Event {
	return &Event{
		ID: uuid.MustParse("0190b8b4-0000-7000-8000-000000000001"), Type: UserCreated, Source: "/scalestack/test", UserID: 7, Sequence: 3,
		Time: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Schema: UserSchema,
		Data: []byte(`{"user_id": 7, "version": 1, "name": "Ada", "email": "ada@example.com"}`),
	}
}

func TestARecordIsACloudEvent(t *testing.T) {
	record := created().Record(UserTopic)
	require.Equal(t, "7", string(record.Key))
	for header, want := range map[string]string{
		"ce_specversion": "1.0", "ce_id": "0190b8b4-0000-7000-8000-000000000001", "ce_source": "/scalestack/test",
		"ce_type": "UserCreated", "ce_subject": "7", "ce_time": "2026-01-02T03:04:05.000006Z",
		"ce_dataschema": "urn:scalestack:user/v1", "ce_sequence": "0000000000000000003", "content-type": "application/json",
	} {
		require.Equal(t, want, Header(record, header), header)
	}
	read, err := FromRecord(record)
	require.NoError(t, err)
	require.Equal(t, created(), read)
	user, err := read.User()
	require.NoError(t, err)
	require.Equal(t, User{UserID: 7, Version: 1, Name: "Ada", Email: "ada@example.com"}, user)
}

func TestExtremeIDs(t *testing.T) {
	for _, id := range []int64{0, -1, math.MinInt64, math.MaxInt64} {
		e := &Event{ID: uuid.New(), Type: UserDeleted, UserID: id, Sequence: math.MaxInt64, Schema: UserDeletedSchema,
			Data: []byte(`{"user_id": ` + string(Key(id)) + `, "version": 2}`)}
		read, err := FromRecord(e.Record(UserTopic))
		require.NoError(t, err)
		require.Equal(t, id, read.UserID)
	}
}

func set(key, value string) func(*kgo.Record) {
	return func(r *kgo.Record) {
		for i, h := range r.Headers {
			if h.Key == key {
				r.Headers[i].Value = []byte(value)
			}
		}
	}
}

func data(text string) func(*kgo.Record) { return func(r *kgo.Record) { r.Value = []byte(text) } }

func TestWhatIsNoEvent(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*kgo.Record)
		reason Reason
		detail string
	}{
		"nothing":               {func(r *kgo.Record) { *r = kgo.Record{} }, Malformed, `ce_specversion is "" and not "1.0"`},
		"another spec":          {set(headerSpec, "2.0"), Malformed, `ce_specversion is "2.0" and not "1.0"`},
		"no id":                 {set(headerID, ""), Malformed, "ce_id: invalid UUID length: 0"},
		"no time":               {set(headerTime, "now"), Malformed, `ce_time: parsing time "now"`},
		"no sequence":           {set(headerSequence, "x"), Malformed, `ce_sequence: strconv.ParseInt: parsing "x"`},
		"no key":                {func(r *kgo.Record) { r.Key = nil }, Malformed, `the key "" is not a user id`},
		"a long key":            {func(r *kgo.Record) { r.Key = []byte("07") }, Malformed, `the key "07" is not a user id`},
		"another subject":       {set(headerSubject, "8"), Malformed, `ce_subject is "8" and the key "7"`},
		"unknown type":          {set(headerType, "UserPraised"), UnknownType, `"UserPraised"`},
		"unknown version":       {set(headerSchema, "urn:scalestack:user/v2"), UnknownSchema, `UserCreated with "urn:scalestack:user/v2"`},
		"another type's schema": {set(headerSchema, "urn:scalestack:product/v1"), UnknownSchema, `UserCreated with "urn:scalestack:product/v1"`},
		"not JSON by its label": {set(headerContentType, "text/plain"), Malformed, `content-type is "text/plain"`},
		"not JSON":              {data("{"), Malformed, "the data is not JSON: unexpected EOF"},
		"two documents":         {data(`{} {}`), Malformed, "the data is not JSON: invalid character"},
		"no object":             {data(`[]`), Malformed, "the data is not user/v1: at '': got array, want object"},
		"a field is missing":    {data(`{"user_id": 7, "version": 1, "name": "Ada"}`), Malformed, "the data is not user/v1: at '': missing property 'email'"},
		"a wrong type":          {data(`{"user_id": 7, "version": "1", "name": "Ada", "email": "a@b.c"}`), Malformed, "at '/version': got string, want integer"},
		"another user":          {data(`{"user_id": 8, "version": 1, "name": "Ada", "email": "a@b.c"}`), Malformed, "the data is of user 8 and the key of 7"},
		"too large a number":    {data(`{"user_id": 1e30, "version": 1, "name": "Ada", "email": "a@b.c"}`), Malformed, "cannot unmarshal number 1e30"},
		"too long":              {data(strings.Repeat("a", MaxBytes+1)), Oversized, "65537 bytes are more than 65536"},
	} {
		t.Run(name, func(t *testing.T) {
			record := created().Record(UserTopic)
			c.change(record)
			_, err := FromRecord(record)
			var format *FormatError
			require.True(t, errors.As(err, &format), "%v", err)
			require.Equal(t, c.reason, format.Reason)
			require.Contains(t, format.Detail, c.detail)
		})
	}
}

func TestANumberThatOnlyTheSchemaTakes(t *testing.T) {
	e := created()
	e.Data = []byte(`{"user_id": 7, "version": 1.0, "name": "Ada", "email": "a@b.c"}`)
	read, err := FromRecord(e.Record(UserTopic))
	require.NoError(t, err)
	_, err = read.User()
	require.ErrorContains(t, err, "malformed: the data is not user/v1: json: cannot unmarshal number 1.0")
}

func FuzzFromRecord(f *testing.F) {
	good := created().Record(UserTopic)
	f.Add(good.Key, good.Value, UserCreated, urn+UserSchema)
	f.Fuzz(func(t *testing.T, key, value []byte, kind, schema string) {
		record := created().Record(UserTopic)
		record.Key, record.Value = key, value
		set(headerSubject, string(key))(record)
		set(headerType, kind)(record)
		set(headerSchema, schema)(record)
		e, err := FromRecord(record)
		var format *FormatError
		if err != nil && !errors.As(err, &format) {
			t.Fatalf("%v", err)
		}
		if err == nil && string(Key(e.UserID)) != string(key) {
			t.Fatalf("user %d from key %q", e.UserID, key)
		}
	})
}
