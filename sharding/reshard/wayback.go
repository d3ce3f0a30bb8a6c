package reshard

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// wayBackEvery is how often observe looks at the stream back.
const wayBackEvery = time.Second

// WayBack says what a rollback of the move would cost now: nothing if the stream back
// follows, or one more copy if it has missed something or lacks a table.
func (m *Mover) WayBack(ctx context.Context, mv Move) (string, error) {
	source, target := m.options.Map.Shard(mv.Source), m.options.Map.Shard(mv.Target)
	if source == nil || target == nil {
		return "", fmt.Errorf("%s: the map does not have both shards", &mv)
	}
	var subscribed, kept bool
	var here, there, note string
	var lacking, lackingThere []string
	name := streamName(&mv) + "_back"
	err := m.look(ctx, source, func(conn *pgx.Conn, _ int) (err error) {
		if lacking, err = uncarried(ctx, conn, subscribedTables, name); err != nil {
			return err
		}
		return conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_subscription WHERE subname = $1), ("+identify+")", name).Scan(&subscribed, &here)
	})
	if err == nil {
		err = m.look(ctx, target, func(conn *pgx.Conn, _ int) (err error) {
			if lackingThere, err = uncarried(ctx, conn, publishedTables, name); err != nil {
				return err
			}
			return conn.QueryRow(ctx, "SELECT ("+streamKept+"), ("+streamNote+"), ("+identify+")", name).Scan(&kept, &note, &there)
		})
	}
	switch {
	case err != nil:
		return "", err
	case subscribed && kept && note == there+" "+here && len(lacking)+len(lackingThere) == 0:
		return "the stream back follows: writes pause for a moment", nil
	}
	return fmt.Sprintf("the stream back has missed changes: about %d rows are copied back first, while shard %d goes on to serve them", mv.Rows, mv.Target), nil
}

// lookBack logs once that a rollback has become expensive.
func (m *Mover) lookBack(ctx context.Context, f *fleet, mv *Move) error {
	whole, err := m.back(f, mv).whole(ctx)
	if err != nil || whole {
		return err
	}
	if !m.track.broken(mv) {
		m.log(mv).Error("the stream back has missed changes: a rollback would copy all rows back first")
	}
	return nil
}

// wayBack makes sure that the source gets everything.
func (m *Mover) wayBack(ctx context.Context, f *fleet, mv *Move) error {
	for {
		err := m.bringBack(ctx, f, mv)
		if !isCutOff(err) {
			return err
		}
		m.log(mv).Warn("the stream back cannot end its copy", "reason", err.Error())
	}
}

// bringBack replaces a stream that has missed something, with a copy; the target owns
// the buckets and serves them meanwhile. It first drops the stream to the target, or
// the deletion of the old rows on the source would be replicated.
func (m *Mover) bringBack(ctx context.Context, f *fleet, mv *Move) error {
	s := m.back(f, mv)
	whole, err := s.whole(ctx)
	if err != nil {
		return err
	}
	if !whole {
		m.log(mv).Warn("the stream back has missed changes: copying everything back")
		if err := m.dropStreams(ctx, f, mv); err != nil {
			return err
		}
		if err := m.purge(ctx, f, f.source(mv), mv); err != nil {
			return err
		}
		if err := m.create(ctx, f, mv, s, true); err != nil {
			return err
		}
	}
	if err := s.enable(ctx); err != nil {
		return err
	}
	if err := s.flushAtOnce(ctx); err != nil {
		return err
	}
	return m.followStream(ctx, f, mv, s, func() (bool, error) { return s.copied(ctx) })
}

// takeAgain makes the target own again what it gave up for a source that has not
// claimed it, if the stream between them was lost at that moment.
func (m *Mover) takeAgain(ctx context.Context, f *fleet, mv *Move) error {
	taken, err := f.source(mv).claimed(ctx, mv.Buckets)
	if err != nil || taken {
		return err
	}
	_, err = f.target(mv).Exec(ctx, `
		UPDATE scalestack.ownership SET state = 'owned', epoch = epoch + 1, owner = $2, changed_at = now()
		WHERE bucket = ANY ($1) AND state = 'moved' AND owner = $3`, mv.Buckets, mv.Target, mv.Source)
	return err
}

func (s *session) claimed(ctx context.Context, buckets []int32) (bool, error) {
	owned, err := count(ctx, s, buckets, "owned")
	return owned > 0, err
}

// errStay means that the operator no longer wants the move taken back.
var errStay = fmt.Errorf("the operator wants the buckets to stay")

// requireReturn checks whether the move is still to be taken back.
func requireReturn(ctx context.Context, q querier, mv *Move) error {
	wanted, err := readWanted(ctx, q, mv)
	if err == nil && wanted != WantAbort {
		return errStay
	}
	return err
}
