package reshard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/catalog"
	"github.com/scalestack/scalestack/sharding/locks"
)

// preflight returns a *RefusedError with everything that would make the move fail
// later.
func (m *Mover) preflight(ctx context.Context, f *fleet, mv *Move) error {
	source, target := f.source(mv), f.target(mv)
	tables, others, err := readBoth(ctx, source, target)
	if err != nil {
		return err
	}
	errs := slices.Concat(schemaProblems(source, target, tables, others), m.diskProblems(ctx, f, mv))
	for _, s := range []*session{source, target} {
		own := map[*session][]catalog.Table{source: tables, target: others}[s]
		ofTables, err := tableProblems(ctx, s, own)
		if err != nil {
			return err
		}
		errs = append(errs, ofTables...)
		capacity, capErr := capacityProblems(ctx, s, len(tables))
		running, runErr := runningProblems(ctx, s)
		if err := errors.Join(capErr, runErr); err != nil {
			return err
		}
		errs = append(append(errs, capacity...), running...)
	}
	if errs != nil {
		return &RefusedError{errors.Join(errs...)}
	}
	return requireAll(ctx, source, mv.Buckets, "owned")
}

// requireMigrated requires what the engine's step 14 creates.
func requireMigrated(ctx context.Context, f *fleet) error {
	for _, s := range f.inOrder() {
		var columns int
		if err := s.QueryRow(ctx, `SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('scalestack.move') AND attname = 'source_tables'`).Scan(&columns); err != nil {
			return err
		}
		if columns == 0 {
			return &RefusedError{problem(s, "its engine is older than this mover. Fix: shardctl migrate")}
		}
	}
	return nil
}

func problem(s *session, format string, args ...any) error {
	return fmt.Errorf("%s: %s", s.shard.Name, fmt.Sprintf(format, args...))
}

// tableProblems judges the tables of one side, fences included.
func tableProblems(ctx context.Context, s *session, tables []catalog.Table) (errs []error, err error) {
	if len(tables) == 0 {
		return []error{problem(s, "no table is sharded. Fix: shardctl adopt TABLE")}, nil
	}
	wanted := make([]catalog.Candidate, len(tables))
	for i, t := range tables {
		wanted[i] = catalog.Candidate{Table: t.Name, Key: t.Key}
	}
	found, err := catalog.Problems(ctx, s, s.shard.ID, wanted, true)
	for _, text := range found {
		errs = append(errs, problem(s, "%s", text))
	}
	return errs, err
}

// requireFences judges the tables of both sides once more before a hand-over: a bulk
// load may have disabled triggers since the preflight.
func requireFences(ctx context.Context, s stream) error {
	var errs []error
	for _, side := range []*session{s.from, s.to} {
		tables, err := catalog.Tables(ctx, side)
		if err != nil {
			return err
		}
		found, err := tableProblems(ctx, side, tables)
		if err != nil {
			return err
		}
		errs = append(errs, found...)
	}
	if errs != nil {
		return &RefusedError{errors.Join(errs...)}
	}
	return nil
}

// schemaProblems compares the sharded tables of both shards.
func schemaProblems(source, target *session, tables, others []catalog.Table) (errs []error) {
	byName := map[string]catalog.Table{}
	for _, t := range others {
		byName[t.Name] = t
	}
	for _, t := range tables {
		other, found := byName[t.Name]
		delete(byName, t.Name)
		switch {
		case !found:
			errs = append(errs, problem(target, "the sharded table %s is missing", t.Name))
		default:
			errs = append(errs, shapeProblems(source, target, t, other)...)
		}
	}
	for name := range byName {
		errs = append(errs, problem(source, "the sharded table %s is missing", name))
	}
	return errs
}

func shapeProblems(source, target *session, have, other catalog.Table) (errs []error) {
	for _, line := range have.Shape {
		if !slices.Contains(other.Shape, line) {
			errs = append(errs, problem(source, "%s has, unlike %s: %s", have.Name, target.shard.Name, line))
		}
	}
	for _, line := range other.Shape {
		if !slices.Contains(have.Shape, line) {
			errs = append(errs, problem(target, "%s has, unlike %s: %s", have.Name, source.shard.Name, line))
		}
	}
	if errs == nil && !slices.Equal(have.Shape, other.Shape) {
		errs = append(errs, problem(target, "%s: the order of the columns is not that of %s", have.Name, source.shard.Name))
	}
	return errs
}

// capacityProblems checks the limits that both directions and the copies of the tables
// depend on.
func capacityProblems(ctx context.Context, s *session, tables int) (errs []error, err error) {
	var level string
	var slots, senders, workers, syncs int
	err = s.QueryRow(ctx, `
		SELECT current_setting('wal_level'),
			current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots)
				- (SELECT count(*) FROM pg_replication_origin_status),
			current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_replication),
			current_setting('max_logical_replication_workers')::int - (SELECT count(*) FROM pg_stat_subscription WHERE pid IS NOT NULL),
			current_setting('max_sync_workers_per_subscription')::int`).Scan(&level, &slots, &senders, &workers, &syncs)
	if err != nil {
		return nil, err
	}
	// At first the stream and the copies of its tables run; at the end the stream, the
	// stream back and the watch.
	need := max(3, 1+min(tables, syncs))
	if level != "logical" {
		errs = append(errs, problem(s, "wal_level is %s and not logical", level))
	}
	for _, c := range []struct {
		name string
		free int
	}{{"max_replication_slots", slots}, {"max_wal_senders", senders}, {"max_logical_replication_workers", workers}} {
		if c.free < need {
			errs = append(errs, problem(s, "%s leaves %d free, and the move needs %d", c.name, max(c.free, 0), need))
		}
	}
	return errs, nil
}

// runningProblems looks for changes of the schema, and for transactions that may never
// end.
func runningProblems(ctx context.Context, s *session) (errs []error, err error) {
	rows, err := s.Query(ctx, `
		SELECT format('a session (pid %s) holds or wants %s on %s', l.pid, l.mode, l.relation::regclass)
		FROM pg_locks l WHERE l.locktype = 'relation' AND l.pid <> pg_backend_pid()
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND l.mode IN ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')
			AND l.relation IN (SELECT tgrelid FROM (`+catalog.Fences+`) AS fences)
		UNION ALL
		SELECT format('the prepared transaction %s is open', gid) FROM pg_prepared_xacts WHERE database = current_database()
		UNION ALL
		SELECT format('a migration runs (pid %s)', pid) FROM pg_locks
		WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND (classid::bigint << 32 | objid::bigint) = $1`, locks.Migration)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, text := range found {
		errs = append(errs, problem(s, "%s", text))
	}
	return errs, err
}
