package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// lookAt bounds what a measurement reads of an outbox that was filled for hours: it shares
	// the session with what publishes.
	lookAt = 10_000
	// parkedTimeout is how long a look for parked rows may take. They have no index: the look
	// reads the whole outbox, and a long one waits until it is shorter.
	parkedTimeout = time.Second

	measureEvery = 5 * time.Second
	parkedEvery  = time.Minute
)

const (
	// measureOutbox looks at both ends of the index. In the order of users events of any age lie
	// side by side, and a relay that passes over them leaves the old ones behind where it has not been.
	measureOutbox = `
		WITH head AS (SELECT occurred_at FROM outbox_all WHERE parked IS NULL ORDER BY topic, user_id, sequence LIMIT $1),
			tail AS (SELECT occurred_at FROM outbox_all WHERE parked IS NULL ORDER BY topic DESC, user_id DESC, sequence DESC LIMIT $1)
		SELECT (SELECT count(*) FROM head),
			coalesce(extract(epoch FROM now() - least((SELECT min(occurred_at) FROM head), (SELECT min(occurred_at) FROM tail))), 0)::float8`

	countParked = `SELECT count(*) FROM outbox_all WHERE parked IS NOT NULL`

	// queryCanceled is the SQLSTATE of a statement that took too long.
	queryCanceled = "57014"
)

// backlog is what waits in an outbox.
type backlog struct {
	// waiting is lookAt where more rows wait.
	waiting int64
	// oldest is the age in seconds of the oldest event among those looked at.
	oldest float64
}

func (o *outbox) measure(ctx context.Context) (b backlog, err error) {
	err = o.conn.QueryRow(ctx, measureOutbox, lookAt).Scan(&b.waiting, &b.oldest)
	return b, err
}

// parked counts what Kafka has refused, or returns false where that takes too long.
func (o *outbox) parked(ctx context.Context) (rows int64, known bool, err error) {
	err = pgx.BeginFunc(ctx, o.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL statement_timeout = %d", parkedTimeout.Milliseconds())); err != nil {
			return err
		}
		return tx.QueryRow(ctx, countParked).Scan(&rows)
	})
	if late := (*pgconn.PgError)(nil); errors.As(err, &late) && late.Code == queryCanceled {
		return 0, false, nil
	}
	return rows, err == nil, err
}

// look tells the metrics what waits, now and then.
func (p *publisher) look(ctx context.Context, box *outbox, now time.Time) error {
	if now.Sub(p.timers.measure) > measureEvery {
		p.timers.measure = now
		b, err := box.measure(ctx)
		if err != nil {
			return fmt.Errorf("measuring the outbox: %w", err)
		}
		p.relay.metrics.backlog.WithLabelValues(p.shard.Name).Set(float64(b.waiting))
		p.relay.metrics.oldest.WithLabelValues(p.shard.Name).Set(b.oldest)
	}
	if now.Sub(p.timers.parked) > parkedEvery {
		p.timers.parked = now
		rows, known, err := box.parked(ctx)
		if err != nil {
			return fmt.Errorf("counting what Kafka refuses: %w", err)
		}
		if known {
			p.relay.metrics.parked.WithLabelValues(p.shard.Name).Set(float64(rows))
		}
	}
	return nil
}
