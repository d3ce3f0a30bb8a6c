package relay

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// readOutbox leaves out what the shard does not own: copies for a bucket that
	// is about to come, old rows of one that went, and $6, which it owns by mistake.
	// Fenced buckets wait, since their rows could not be deleted; a fence that has
	// lapsed is none. The rows
	// of a user become visible in their order, because each writer holds the
	// user's row until it commits.
	readOutbox = `
		SELECT user_id, sequence, event_id, topic, type, schema, occurred_at, data, traceparent FROM outbox_all
		WHERE parked IS NULL AND topic = $5 AND (user_id, sequence) > ($1, $2) AND (user_id % $3::bigint + $3) % $3 = ANY (ARRAY(
			SELECT bucket::bigint FROM scalestack.ownership
			WHERE (state = 'owned' OR (state = 'fenced' AND fenced_until <= now())) AND bucket <> ALL ($6::bigint[])))
		ORDER BY user_id, sequence LIMIT $4`

	// listTopics jumps from topic to topic in the index.
	listTopics = `
		WITH RECURSIVE found AS (
			(SELECT topic FROM outbox_all WHERE parked IS NULL ORDER BY topic LIMIT 1)
			UNION ALL
			SELECT (SELECT topic FROM outbox_all WHERE parked IS NULL AND topic > found.topic ORDER BY topic LIMIT 1) FROM found WHERE found.topic IS NOT NULL)
		SELECT topic FROM found WHERE topic IS NOT NULL`

	// deletePublished does not wait for a bucket that is being fenced: its rows
	// stay, and whoever owns it then publishes them again.
	// A row lies in one of the two tables.
	deletePublished = `
		DELETE FROM %s AS o USING unnest($1::bigint[], $2::bigint[]) AS published (user_id, sequence)
		WHERE o.user_id = published.user_id AND o.sequence = published.sequence AND scalestack.try_hold(o.user_id)`

	parkRow = `UPDATE %s SET parked = $3 WHERE user_id = $1 AND sequence = $2 AND scalestack.try_hold(user_id)`

	cleanInbox = `
		DELETE FROM inbox AS i USING (
			SELECT user_id, consumer, event_id FROM inbox WHERE changed_at < now() - $1::interval LIMIT $2) AS old
		WHERE (i.user_id, i.consumer, i.event_id) = (old.user_id, old.consumer, old.event_id) AND scalestack.try_hold(i.user_id)`
)

// position is a place in the order of the outbox.
type position struct{ user, sequence int64 }

// row is an event and where it is to go.
type row struct {
	events.Event
	topic string
	// parent is the traceparent of what wrote the event, NULL without a trace.
	parent pgtype.Text
}

func (r *row) position() position     { return position{r.UserID, r.Sequence} }
func (r *row) age() (d time.Duration) { return time.Since(r.Time) }

// record has the event's trace also where this program follows none.
func (r *row) record() *kgo.Record {
	record := r.Record(r.topic)
	tracing.SetParent(record, r.parent.String)
	return record
}

// outbox is a shard's, seen through the session that holds the lock.
type outbox struct {
	conn    *pgx.Conn
	buckets int
	source  string
	// lost are the buckets that another shard has had since, see owners.
	lost []int64
	// deleted counts rows since the tables turned last.
	deleted int
}

// read returns the next rows of a topic after a position.
func (o *outbox) read(ctx context.Context, topic string, after position, limit int) ([]row, error) {
	result, err := o.conn.Query(ctx, readOutbox, after.user, after.sequence, o.buckets, limit, topic, o.lost)
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	rows, err := pgx.CollectRows(result, func(from pgx.CollectableRow) (r row, err error) {
		r.Source = o.source
		err = from.Scan(&r.UserID, &r.Sequence, (*[16]byte)(&r.ID), &r.topic, &r.Type, &r.Schema, &r.Time, (*[]byte)(&r.Data), &r.parent)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	return rows, nil
}

// tables are the outbox and its spare, whose names are exchanged: see turn.
var tables = []string{"outbox", "outbox_spare"}

// sweep runs a statement that works on whatever lies here, and says so to the guard;
// on both tables where the statement has a place for their names.
func (o *outbox) sweep(ctx context.Context, sql string, args ...any) (rows int, err error) {
	batch := &pgx.Batch{}
	batch.Queue("SELECT scalestack.sweep()")
	count := func(done pgconn.CommandTag) error { rows += int(done.RowsAffected()); return nil }
	if strings.Contains(sql, "%s") {
		for _, table := range tables {
			batch.Queue(fmt.Sprintf(sql, table), args...).Exec(count)
		}
	} else {
		batch.Queue(sql, args...).Exec(count)
	}
	err = o.conn.SendBatch(ctx, batch).Close()
	return rows, err
}

// turnAfter is how many rows are deleted before the tables turn. Twice as many are
// what a read has to pass while somebody holds a snapshot: docs/benchmarks.md.
const turnAfter = 5_000

// turn lets the tables turn when enough was deleted. What is in the way (rows that
// wait, a move, a writer at that moment) is tried again with the next rows.
func (o *outbox) turn(ctx context.Context) error {
	if o.deleted < turnAfter {
		return nil
	}
	var turned bool
	if err := o.conn.QueryRow(ctx, "SELECT turn_outbox()").Scan(&turned); err != nil {
		return fmt.Errorf("turning the outbox: %w", err)
	}
	if turned {
		o.deleted = 0
	} else {
		o.deleted -= turnAfter / 10
	}
	return nil
}

// topics returns those that rows are waiting for.
func (o *outbox) topics(ctx context.Context) ([]string, error) {
	rows, err := o.conn.Query(ctx, listTopics)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// delete returns how many of the rows are gone.
func (o *outbox) delete(ctx context.Context, rows []row) (int, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	users, sequences := make([]int64, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		users[i], sequences[i] = r.UserID, r.Sequence
	}
	deleted, err := o.sweep(ctx, deletePublished, users, sequences)
	if err != nil {
		return 0, fmt.Errorf("deleting what is published: %w", err)
	}
	o.deleted += deleted
	return deleted, o.turn(ctx)
}

// park sets a row aside that Kafka will never take.
func (o *outbox) park(ctx context.Context, r row, reason string) error {
	if _, err := o.sweep(ctx, parkRow, r.UserID, r.Sequence, reason); err != nil {
		return fmt.Errorf("parking an event: %w", err)
	}
	return nil
}

// cleanRows bounds a transaction that holds many buckets.
const cleanRows = 1000

// clean forgets what consumers did long ago, some of it, and says how much.
func (o *outbox) clean(ctx context.Context, retention time.Duration) (int, error) {
	cleaned, err := o.sweep(ctx, cleanInbox, retention, cleanRows)
	if err != nil {
		return 0, fmt.Errorf("cleaning the inbox: %w", err)
	}
	return cleaned, nil
}
