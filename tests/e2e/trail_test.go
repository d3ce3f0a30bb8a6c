//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/scalestack/scalestack/sharding/history"
	"github.com/scalestack/scalestack/tests/load"
)

// groups are the consumers of user_events.
var groups = []string{"email", "analytics", "invalidate"}

// trail is what registrations leave behind them: events, mails and counts.
type trail struct {
	*proof
	began time.Time
	admin *kadm.Client
}

const auditor = "e2e-auditor"

// follow notes from when on events belong to the proof.
func (p *proof) follow(began time.Time) *trail {
	p.t.Helper()
	applyKafka(p.t, "kafkauser", auditor, userManifest(auditor, "topic user_events Describe", "topic user_events Read", "topic product_events Describe",
		"group email Describe", "group analytics Describe", "group invalidate Describe"))
	return &trail{proof: p, began: began, admin: kadm.NewClient(kafkaAs(p.t, auditor))}
}

// awaitDrained waits until everything that is to follow has followed.
func (tr *trail) awaitDrained(users []load.Registered) {
	tr.t.Helper()
	began := time.Now()
	eventually(tr.t, 2*time.Minute+time.Duration(len(users))*10*time.Millisecond, "outboxes and groups are drained", func() error {
		if rows := tr.sum("SELECT count(*) FROM outbox_all"); rows > 0 {
			return fmt.Errorf("%d events wait in the outboxes", rows)
		}
		ctx, cancel := context.WithTimeout(tr.t.Context(), 10*time.Second)
		defer cancel()
		lags, err := tr.admin.Lag(ctx, groups...)
		if err != nil {
			return err
		}
		for _, lag := range lags.Sorted() {
			if err := lag.Error(); err != nil {
				return fmt.Errorf("group %s: %w", lag.Group, err)
			}
			if behind := lag.Lag.Total(); behind > 0 {
				return fmt.Errorf("group %s is %d events behind", lag.Group, behind)
			}
		}
		return nil
	})
	tr.t.Logf("drained %s after the last of %d registrations", time.Since(began).Round(time.Second), len(users))
}

// sum adds a number of every shard.
func (tr *trail) sum(query string) (total int64) {
	tr.onShards(func(ctx context.Context, shards []history.Shard) {
		for _, shard := range shards {
			var n int64
			require.NoError(tr.t, shard.Conn.QueryRow(ctx, query).Scan(&n))
			total += n
		}
	})
	return total
}

// compare holds mails, counts and events against the registrations.
func (tr *trail) compare(users []load.Registered) {
	tr.t.Helper()
	events := load.NewEvents(users)
	repeated := events.Mails(tr.mails())
	events.Counts(tr.byUser("SELECT user_id, sum(count)::bigint FROM activity WHERE type = 'UserCreated' GROUP BY user_id"))
	given := tr.byUser("SELECT user_id, events FROM users WHERE events > 0")
	ours := map[int64]int64{}
	for _, user := range append(tr.history.Users(), ids(users)...) {
		if n := given[user]; n > 0 {
			ours[user] = n
		}
	}
	copies := events.Log(ours, tr.log())
	require.NoError(tr.t, events.Err())
	tr.t.Logf("%d registrations: one mail each (%d came again with the same Message-ID), counted once each; events of %d users in order (%d copies)",
		len(users), repeated, len(ours), copies)
}

func ids(users []load.Registered) []int64 {
	all := make([]int64, len(users))
	for i, user := range users {
		all[i] = user.User
	}
	return all
}

// byUser reads a number of each user from all shards.
func (tr *trail) byUser(query string) map[int64]int64 {
	all := map[int64]int64{}
	tr.onShards(func(ctx context.Context, shards []history.Shard) {
		for _, shard := range shards {
			rows, err := shard.Conn.Query(ctx, query)
			require.NoError(tr.t, err)
			var user, n int64
			_, err = pgx.ForEachRow(rows, []any{&user, &n}, func() error { all[user] += n; return nil })
			require.NoError(tr.t, err)
		}
	})
	return all
}

// mails reads the file of the lab's mail server: a mail is in it before the
// server says that it took it.
func (tr *trail) mails() iter.Seq[load.Mail] {
	return func(yield func(load.Mail) bool) {
		file, err := os.Open(filepath.Join(repo, ".lab", "data", "mail.jsonl"))
		require.NoError(tr.t, err)
		defer file.Close()
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			var mail load.Mail
			require.NoError(tr.t, json.Unmarshal(lines.Bytes(), &mail))
			if !yield(mail) {
				return
			}
		}
		require.NoError(tr.t, lines.Err())
	}
}

// log reads the events since the proof began, partition by partition.
func (tr *trail) log() iter.Seq[load.Event] {
	tr.t.Helper()
	starts, err := tr.admin.ListOffsetsAfterMilli(tr.t.Context(), tr.began.UnixMilli(), "user_events")
	require.NoError(tr.t, err)
	ends, err := tr.admin.ListEndOffsets(tr.t.Context(), "user_events")
	require.NoError(tr.t, err)
	offsets, want := map[int32]kgo.Offset{}, int64(0)
	ends.Each(func(end kadm.ListedOffset) {
		start, _ := starts.Lookup(end.Topic, end.Partition)
		offsets[end.Partition] = kgo.NewOffset().At(start.Offset)
		want += end.Offset - start.Offset
	})
	client := kafkaAs(tr.t, auditor, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"user_events": offsets}))
	return func(yield func(load.Event) bool) {
		ctx, cancel := context.WithTimeout(tr.t.Context(), 5*time.Minute)
		defer cancel()
		for got := int64(0); got < want; {
			fetches := client.PollFetches(ctx)
			require.NoError(tr.t, fetches.Err())
			for record := range fetches.RecordsAll() {
				got++
				if !yield(tr.event(record)) {
					return
				}
			}
		}
	}
}

func (tr *trail) event(record *kgo.Record) load.Event {
	header := func(key string) string {
		i := slices.IndexFunc(record.Headers, func(h kgo.RecordHeader) bool { return h.Key == key })
		require.GreaterOrEqual(tr.t, i, 0, "an event without %s", key)
		return string(record.Headers[i].Value)
	}
	user, err := strconv.ParseInt(string(record.Key), 10, 64)
	require.NoError(tr.t, err)
	sequence, err := strconv.ParseInt(header("ce_sequence"), 10, 64)
	require.NoError(tr.t, err)
	return load.Event{ID: header("ce_id"), User: user, Sequence: sequence}
}
