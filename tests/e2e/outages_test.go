//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/scalestack/scalestack/internal/alerts"
)

// What TestAlertsFireAndClear breaks, where it takes more than one line.

const slotName = "nobody_reads"

// heldSlot is a replication slot whose reader never comes.
type heldSlot struct {
	namespace string
	shard     int
}

// hold writes log, a file of 16 MiB each time, until the slot holds two thirds of what it
// may.
func (h heldSlot) hold(t *testing.T) {
	conn := database(t, h.namespace, h.shard)
	ctx := t.Context()
	_, err := conn.Exec(ctx, "SELECT pg_create_physical_replication_slot($1, true)", slotName)
	require.NoError(t, err)
	for {
		var enough bool
		require.NoError(t, conn.QueryRow(ctx, `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) > 0.66 * pg_size_bytes(current_setting('max_slot_wal_keep_size'))
			FROM pg_replication_slots WHERE slot_name = $1`, slotName).Scan(&enough))
		if enough {
			return
		}
		_, err := conn.Exec(ctx, "SELECT pg_logical_emit_message(false, 'drill', ''), pg_switch_wal()")
		require.NoError(t, err)
	}
}

func (h heldSlot) drop(t *testing.T) {
	execute(t, h.namespace, h.shard, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1", slotName)
}

// missTheEdge asks for files that are not there until three of ten requests were such.
func missTheEdge(t *testing.T) {
	hitTheEdge(t)
	began, asked := time.Now().UnixNano(), int(staticAsked(t))
	for i := range asked/2 + 300 {
		throughEdge(t, fmt.Sprintf("/static/%d-%d.css", began, i))
	}
}

// hitTheEdge asks for one file until the rule is content.
func hitTheEdge(t *testing.T) {
	// A test that has failed is cleaning up, and misses do no harm.
	if t.Context().Err() != nil {
		return
	}
	broken := outage{alert: "EdgeHitRatioLow", labels: map[string]string{"path": "/static/*"}}
	eventually(t, 2*time.Minute, "hits at the edge", func() error {
		for range 500 {
			throughEdge(t, "/static/app.css")
		}
		if found := firing(t, broken); len(found) > 0 {
			return fmt.Errorf("the ratio is %v", found)
		}
		return nil
	})
}

// staticAsked are the requests below /static/ that are in the rule's hour.
func staticAsked(t *testing.T) float64 {
	found, err := query(t, `sum(increase(scalestack_edge_requests_total{path="/static/*"}[1h]))`)
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0].number(t)
}

// heldFence is a fence whose lease does not end, as if a mover renewed it in vain.
type heldFence struct {
	namespace     string
	shard, bucket int
}

func (h heldFence) hold(t *testing.T) {
	h.set(t, "state = 'fenced', fenced_until = clock_timestamp() + interval '1 hour'", "owned")
}

func (h heldFence) lift(t *testing.T) { h.set(t, "state = 'owned', fenced_until = NULL", "fenced") }

func (h heldFence) set(t *testing.T, change, from string) {
	execute(t, h.namespace, h.shard, "UPDATE scalestack.ownership SET epoch = epoch + 1, "+change+" WHERE bucket = $1 AND state = $2", h.bucket, from)
}

// standstill is a consumer group that nobody is in while its topic grows.
type standstill struct {
	namespace, group string
	stop             func()
}

// begin takes the consumer away and sends one event over and over, more often than the
// alert's limit at once and then every second: the alert asks for a lag that grows. The
// relays are away in the same test, so nobody else writes. For those who read, and for
// the group later, it is an event that they have had.
func (s *standstill) begin(t *testing.T) {
	const writer = "e2e-standstill"
	applyKafka(t, "kafkauser", writer, userManifest(writer, "topic user_events Describe", "topic user_events Read", "topic user_events Write"))
	kafka := kafkaAs(t, writer)
	event := eventOf(t, writer, 1)
	// A group that has never committed an offset has no series.
	eventually(t, 2*time.Minute, "the group's first offset", func() error {
		found, err := query(t, fmt.Sprintf(`kafka_consumergroup_lag{namespace=%q,consumergroup=%q}`, s.namespace, s.group))
		if err == nil && len(found) == 0 {
			err = errors.New("it has none")
		}
		return err
	})
	kubectl(t, "scale", "deployment", s.group, "-n", s.namespace, "--replicas=0")
	kubectl(t, "wait", "pod", "-n", s.namespace, "-l", "app.kubernetes.io/instance="+s.group, "--for=delete", "--timeout=2m")
	copies := make([]*kgo.Record, alerts.Defaults().Lag+100)
	for i := range copies {
		copies[i] = again(event)
	}
	require.NoError(t, kafka.ProduceSync(t.Context(), copies...).FirstErr())
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	go func() {
		for ctx.Err() == nil {
			_ = kafka.ProduceSync(ctx, again(event)).FirstErr()
			time.Sleep(time.Second)
		}
	}()
}

// end lets the consumer catch up.
func (s *standstill) end(t *testing.T) {
	if s.stop != nil {
		s.stop()
	}
	for _, args := range [][]string{
		{"scale", "deployment", s.group, "-n", s.namespace, "--replicas=1"},
		{"rollout", "status", "deployment/" + s.group, "-n", s.namespace, "--timeout=3m"},
	} {
		text, err := try(t, "kubectl", args...)
		require.NoError(t, err, text)
	}
}

// eventOf changes users until one is of the shard, and reads its event from the topic.
func eventOf(t *testing.T, reader string, shard int) *kgo.Record {
	t.Helper()
	c, want := newClient(t), fmt.Sprintf("shard-%d", shard)
	began := time.Now()
	kafka := kafkaAs(t, reader, kgo.ConsumeTopics("user_events"), kgo.ConsumeResetOffset(kgo.NewOffset().AfterMilli(began.UnixMilli())))
	user := int64(84)
	for ; ; user++ {
		got, err := c.do("PUT", user, profile{Name: "copied", Email: fmt.Sprintf("copied%d@example.com", began.Unix())})
		require.NoError(t, err)
		require.Equal(t, 2, got.status/100, got.text)
		if got.shard == want {
			break
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		fetches := kafka.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		for record := range fetches.RecordsAll() {
			if string(record.Key) == fmt.Sprint(user) {
				return record
			}
		}
	}
}

// again is a copy of a record to send: a client writes into what it sends.
func again(of *kgo.Record) *kgo.Record {
	return &kgo.Record{Topic: of.Topic, Key: of.Key, Value: of.Value, Headers: of.Headers}
}

// callers ask for users of every shard, ten a second.
type callers struct{ stop func() }

func (v *callers) come(t *testing.T) {
	c := newClient(t)
	ctx, cancel := context.WithCancel(context.Background())
	v.stop = cancel
	go func() {
		for id := int64(0); ctx.Err() == nil; id++ {
			_, _ = c.do("GET", id%400, nil)
			time.Sleep(100 * time.Millisecond)
		}
	}()
}

func (v *callers) leave(*testing.T) {
	if v.stop != nil {
		v.stop()
	}
}
