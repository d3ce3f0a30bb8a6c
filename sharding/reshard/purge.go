package reshard

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/catalog"
)

// purgePages is the most pages of a table that one transaction clears: 1 MiB.
const purgePages = 128

// purge removes the rows of a move's buckets from the tables of a shard that does not
// own them; the fence keeps new ones out. In tables that the move has carried, these
// are old rows or copies, which are deleted. In other tables they are set aside.
func (m *Mover) purge(ctx context.Context, f *fleet, s *session, mv *Move) error {
	carried, known, err := readCarried(ctx, f, s, mv)
	if err != nil {
		return err
	}
	return m.empty(ctx, f, s, mv, func(t catalog.Table) bool { return !known || slices.Contains(carried, t.OID) })
}

// setStraysAside makes room for the copies. No move leaves rows behind, so whatever is
// there came in another way and may be the only rows of its users.
func (m *Mover) setStraysAside(ctx context.Context, f *fleet, s *session, mv *Move) error {
	return m.empty(ctx, f, s, mv, func(catalog.Table) bool { return false })
}

// empty deletes rows from the tables that deletes selects, and sets them aside in the
// others.
func (m *Mover) empty(ctx context.Context, f *fleet, s *session, mv *Move, deletes func(catalog.Table) bool) error {
	tables, err := catalog.Tables(ctx, s)
	if err != nil {
		return err
	}
	return m.paced(ctx, f, mv, func(p *pacing) error { return m.emptyPaced(ctx, p, s, mv, tables, deletes) })
}

func (m *Mover) emptyPaced(ctx context.Context, p *pacing, s *session, mv *Move, tables []catalog.Table, deletes func(catalog.Table) bool) error {
	for _, t := range tables {
		// Preflight refuses a fence on a table that lacks its key, so nothing was
		// copied there; the move must still end.
		if !slices.Contains(t.Columns, t.QuotedKey) {
			continue
		}
		if deletes(t) {
			if _, err := m.sweep(ctx, p, s, t, mv.Buckets, func(where string) string { return "DELETE FROM " + t.Name + " WHERE " + where }); err != nil {
				return fmt.Errorf("deleting old rows of %s: %w", t.Name, err)
			}
			continue
		}
		rows, err := m.sweepAside(ctx, p, s, t, mv.Buckets)
		if err != nil {
			return err
		}
		if rows > 0 {
			m.log(mv).Warn("set aside rows that the move has not brought; they are in scalestack.set_aside", "shard", s.shard.Name, "table", t.Name, "rows", rows)
		}
	}
	return nil
}

// sweepAside moves rows from their table to one that no client reads.
func (m *Mover) sweepAside(ctx context.Context, p *pacing, s *session, t catalog.Table, buckets []int32) (rows int64, err error) {
	of := m.options.Map.Buckets
	rows, err = m.sweep(ctx, p, s, t, buckets, func(where string) string {
		return fmt.Sprintf(`WITH scalestack_gone AS (DELETE FROM %[1]s WHERE %[2]s RETURNING *)
			INSERT INTO scalestack.set_aside (source, bucket, key, content, as_text)
			SELECT %[3]s, (%[4]s %% %[5]d + %[5]d) %% %[5]d, %[4]s, row_to_json(scalestack_gone), scalestack_gone::text FROM scalestack_gone`,
			t.Name, where, literal(t.Name), t.QuotedKey, of)
	})
	if err != nil {
		err = fmt.Errorf("setting rows of %s aside: %w", t.Name, err)
	}
	return rows, err
}

// sweep runs a statement on the rows of buckets that the shard does not own, in one
// pass over the pages of a table. statement receives the condition for each part. sweep
// returns the number of affected rows.
func (m *Mover) sweep(ctx context.Context, p *pacing, s *session, t catalog.Table, buckets []int32, statement func(where string) string) (rows int64, err error) {
	var pages int64
	if err := s.QueryRow(ctx, "SELECT pg_relation_size($1::regclass) / current_setting('block_size')::bigint", t.Name).Scan(&pages); err != nil {
		return 0, err
	}
	for first, part := int64(0), int64(0); first < pages; first += part {
		part = partOf(purgePages, p.share())
		where := fmt.Sprintf("ctid >= '(%d,0)' AND ctid < '(%d,0)' AND %s", first, first+part, slice{buckets, m.options.Map.Buckets}.filter(t))
		swept, err := sweepPart(ctx, s, buckets, statement(where))
		if err != nil {
			return rows, err
		}
		rows += swept
		m.track.metrics.swept.Add(float64(part))
		if err := p.rest(ctx, idle); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// sweepPart acts as a replica, so that the fence lets it delete; it checks itself that
// the shard does not own the buckets.
func sweepPart(ctx context.Context, s *session, buckets []int32, statement string) (rows int64, err error) {
	err = pgx.BeginFunc(ctx, s, func(tx pgx.Tx) error {
		var own int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM scalestack.ownership WHERE bucket = ANY ($1) AND state <> 'moved'", buckets).Scan(&own); err != nil {
			return err
		}
		if own > 0 {
			return fmt.Errorf("refused: %d of the buckets are owned here", own)
		}
		if _, err := tx.Exec(ctx, "SET LOCAL session_replication_role = replica"); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, statement)
		rows = tag.RowsAffected()
		return err
	})
	return rows, err
}
