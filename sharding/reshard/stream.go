package reshard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/sharding/catalog"
)

// dropTimeout bounds the wait for a slot's sender to end.
const dropTimeout = 30 * time.Second

// stream is a replication from one shard to another. Its publication, its slot
// and its subscription have one name.
type stream struct {
	name     string
	from, to *session
	moving   slice
	mv       *Move
	mover    *Mover
}

func (m *Mover) forward(f *fleet, mv *Move) stream {
	return stream{streamName(mv), f.source(mv), f.target(mv), slice{mv.Buckets, m.options.Map.Buckets}, mv, m}
}

func streamName(mv *Move) string { return fmt.Sprintf("scalestack_move_%d_%d", mv.Source, mv.ID) }

func (m *Mover) back(f *fleet, mv *Move) stream {
	s := m.forward(f, mv)
	return stream{s.name + "_back", s.to, s.from, s.moving, mv, m}
}

// create makes the stream, disabled. With origin = none neither direction
// carries what the other has brought, so that nothing goes round in circles.
func (m *Mover) create(ctx context.Context, f *fleet, mv *Move, s stream, copyData bool) error {
	tables, err := catalog.Tables(ctx, s.from)
	if err != nil {
		return err
	}
	// A truncation would empty the target's whole table.
	if err := publish(ctx, s.from, s.name, s.moving, tables, "insert, update, delete"); err != nil {
		return err
	}
	if err := s.note(ctx); err != nil {
		return err
	}
	if err := m.patiently(ctx, f, mv, s.from, "replication slot", func(ctx context.Context) error { return m.createSlot(ctx, s) }); err != nil {
		return fmt.Errorf("slot: %w", err)
	}
	if _, err := s.to.Exec(ctx, fmt.Sprintf("CREATE SUBSCRIPTION %[1]s CONNECTION %[2]s PUBLICATION %[1]s WITH "+
		"(enabled = false, create_slot = false, slot_name = %[1]s, copy_data = %[3]t, binary = %[4]t, origin = none)",
		s.name, literal(s.from.conninfo), copyData, !slices.ContainsFunc(tables, func(t catalog.Table) bool { return !t.Binary }))); err != nil {
		return fmt.Errorf("subscription: %w", err)
	}
	if !copyData {
		return nil
	}
	return s.noteCarried(ctx, f, mv)
}

// createSlot waits for every transaction that has written when it begins, so it
// has a connection of its own, which can be ended.
func (m *Mover) createSlot(ctx context.Context, s stream) error {
	config, err := m.options.Connect(s.from.shard)
	if err != nil {
		return err
	}
	maps.Copy(config.RuntimeParams, sessionSettings)
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", s.name)
	return ended(conn, err)
}

func publish(ctx context.Context, s *session, name string, moving slice, tables []catalog.Table, operations string) error {
	published := make([]string, len(tables))
	for i, t := range tables {
		published[i] = fmt.Sprintf("%s WHERE (%s)", t.Name, moving.filter(t))
	}
	if _, err := s.Exec(ctx, fmt.Sprintf("CREATE PUBLICATION %s FOR TABLE %s WITH (publish = '%s')",
		name, strings.Join(published, ", "), operations)); err != nil {
		return fmt.Errorf("publication %s: %w", name, err)
	}
	return nil
}

// enable starts the stream, with the password of today.
func (s stream) enable(ctx context.Context) error {
	if _, err := s.mover.knowPassword(ctx, s.from); err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	return s.to.each(ctx, fmt.Sprintf("ALTER SUBSCRIPTION %s ENABLE", s.name))
}

// flushAtOnce makes the target report what it has applied without waiting for
// its next flush, which without load is a fifth of a second away.
func (s stream) flushAtOnce(ctx context.Context) error {
	return s.to.each(ctx, fmt.Sprintf("ALTER SUBSCRIPTION %s SET (synchronous_commit = 'on')", s.name))
}

// each runs statements one after the other.
func (s *session) each(ctx context.Context, statements ...string) error {
	for _, sql := range statements {
		if _, err := s.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// dropSubscription does not insist on reaching the source: it leaves its slot there.
func (s *session) dropSubscription(ctx context.Context, name string) error {
	return s.each(ctx, "ALTER SUBSCRIPTION "+name+" DISABLE", "ALTER SUBSCRIPTION "+name+" SET (slot_name = NONE)", "DROP SUBSCRIPTION "+name)
}

// drop removes the stream, also half of one, and what its copies left.
func (s stream) drop(ctx context.Context) error {
	if err := s.dropWatch(ctx); err != nil {
		return err
	}
	exists, err := s.subscribed(ctx)
	if err != nil {
		return err
	}
	if exists {
		if err := s.to.dropSubscription(ctx, s.name); err != nil {
			return err
		}
	}
	if err := s.dropSlots(ctx); err != nil {
		return err
	}
	_, err = s.from.Exec(ctx, "DROP PUBLICATION IF EXISTS "+s.name)
	return err
}

func (s stream) subscribed(ctx context.Context) (exists bool, err error) {
	err = s.to.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_subscription WHERE subname = $1)", s.name).Scan(&exists)
	return exists, err
}

// whole says whether the stream is there, carries every table, has missed nothing and will end
// its copies.
func (s stream) whole(ctx context.Context) (bool, error) {
	exists, err := s.subscribed(ctx)
	if err != nil || !exists {
		return false, err
	}
	gap, err := s.gap(ctx)
	if err == nil && gap == "" {
		gap, err = s.cut(ctx)
	}
	return gap == "", err
}

func (s stream) dropSlots(ctx context.Context) error {
	slots, err := s.leftSlots(ctx)
	if err != nil {
		return err
	}
	for _, slot := range slots {
		if err := s.from.dropSlot(ctx, slot); err != nil {
			return fmt.Errorf("slot %s: %w", slot, err)
		}
	}
	return nil
}

// selectSubscriber asks for a server's system identifier and its subscriptions.
const selectSubscriber = "SELECT (SELECT system_identifier::text FROM pg_control_system()), array(SELECT oid::text FROM pg_subscription)"

// leftSlots also finds the slots of copies whose subscription is gone. They are
// named pg_<subscription>_sync_<table>_<system identifier of the subscriber>.
func (s stream) leftSlots(ctx context.Context) ([]string, error) {
	var system string
	var alive []string
	if err := s.to.QueryRow(ctx, selectSubscriber).Scan(&system, &alive); err != nil {
		return nil, err
	}
	rows, err := s.from.Query(ctx, `
		SELECT slot_name FROM pg_replication_slots WHERE slot_name = $1
			OR (slot_name ~ ('^pg_[0-9]+_sync_[0-9]+_' || $2 || '$') AND split_part(slot_name::text, '_', 2) <> ALL ($3))`, s.name, system, alive)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// dropSlot waits for the slot's sender, which ends soon after its receiver. Nobody but a superuser may end one that a superuser's
// password has begun.
func (s *session) dropSlot(ctx context.Context, slot string) error {
	ctx, cancel := context.WithTimeout(ctx, dropTimeout)
	defer cancel()
	return poll(ctx, 20*time.Millisecond, func() (bool, error) {
		if _, err := s.Exec(ctx, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active", slot); err != nil && !denied(err) {
			return false, err
		}
		_, err := s.Exec(ctx, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1", slot)
		var pgErr *pgconn.PgError
		// It is in use again, or it was temporary and has gone with its session.
		if errors.As(err, &pgErr) && (pgErr.Code == "55006" || pgErr.Code == "42704") {
			return false, nil
		}
		return err == nil, err
	})
}

// copied says whether every table's copy has ended and follows the stream.
func (s stream) copied(ctx context.Context) (bool, error) {
	var ready bool
	err := s.to.QueryRow(ctx, `
		SELECT count(*) > 0 AND bool_and(srsubstate = 'r')
		FROM pg_subscription_rel JOIN pg_subscription ON oid = srsubid WHERE subname = $1`, s.name).Scan(&ready)
	return ready, err
}

// failures counts how often the target could not copy or apply.
func (s stream) failures(ctx context.Context) (int, error) {
	var count int
	err := s.to.QueryRow(ctx, `
		SELECT coalesce(sum(apply_error_count + sync_error_count), 0)::int
		FROM pg_stat_subscription_stats WHERE subname = $1`, s.name).Scan(&count)
	return count, err
}

// applied says whether the target has applied all up to a position, and is
// connected, so that nothing it said before a crash is counted.
func (s stream) applied(ctx context.Context, position pglogrepl.LSN) (bool, error) {
	var done bool
	err := s.from.QueryRow(ctx, `
		SELECT coalesce(bool_or(replay_lsn >= $2::text::pg_lsn), false)
		FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming'`, s.name, position.String()).Scan(&done)
	return done, err
}

// drain waits until the target has applied all that the source has committed.
func (s stream) drain(ctx context.Context, timeout, every time.Duration) error {
	position, err := s.from.position(ctx)
	if err != nil {
		return err
	}
	return s.drainTo(ctx, position, timeout, every)
}

// drainTo waits until the target has applied all up to a position.
func (s stream) drainTo(ctx context.Context, position pglogrepl.LSN, timeout, every time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	nudged := time.Now()
	err := poll(waiting, every, func() (bool, error) {
		done, err := s.applied(ctx, position)
		if done || err != nil || time.Since(nudged) < nudgeEvery {
			return done, err
		}
		nudged = time.Now()
		return false, s.nudge(ctx)
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return errLate
	}
	return err
}

// nudge starts a worker that has ended. PostgreSQL 16 does that too, but its
// launcher can miss that a worker has failed at its very start, and then sleeps
// for three minutes. That also finds out when the target's session has ended.
func (s stream) nudge(ctx context.Context) error {
	var running bool
	err := s.to.QueryRow(ctx, "SELECT count(pid) > 0 FROM pg_stat_subscription WHERE subname = $1 AND relid IS NULL", s.name).Scan(&running)
	if err != nil || running {
		return err
	}
	return s.enable(ctx)
}

// nudgeEvery leaves a worker the time to start.
const nudgeEvery = 300 * time.Millisecond

// errLate says that the target did not follow in time.
var errLate = errors.New("the target did not follow in time")
