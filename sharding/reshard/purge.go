package reshard

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/catalog"
)

// purgePages is how many pages of a table one transaction clears: 1 MiB.
const purgePages = 128

// purge deletes the rows of buckets that the shard does not own. New rows cannot come:
// the fence is before them.
func (m *Mover) purge(ctx context.Context, s *session, buckets []int32) error {
	tables, err := catalog.Tables(ctx, s)
	if err != nil {
		return err
	}
	for _, t := range tables {
		// Preflight refuses a fence on a table without its key, and nothing was
		// copied there; the move must still end.
		if !slices.Contains(t.Columns, t.QuotedKey) {
			continue
		}
		if err := m.sweep(ctx, s, t, buckets, func(where string) string { return "DELETE FROM " + t.Name + " WHERE " + where }); err != nil {
			return fmt.Errorf("deleting old rows of %s: %w", t.Name, err)
		}
	}
	return nil
}

// sweep runs a statement for the rows of buckets that the shard does not own, in one pass
// over the pages of a table. It gets the condition of each part.
func (m *Mover) sweep(ctx context.Context, s *session, t catalog.Table, buckets []int32, statement func(where string) string) error {
	var pages int64
	if err := s.QueryRow(ctx, "SELECT pg_relation_size($1::regclass) / current_setting('block_size')::bigint", t.Name).Scan(&pages); err != nil {
		return err
	}
	for first := int64(0); first < pages; first += purgePages {
		part := fmt.Sprintf("ctid >= '(%d,0)' AND ctid < '(%d,0)' AND %s", first, first+purgePages, slice{buckets, m.options.Map.Buckets}.filter(t))
		if err := sweepPart(ctx, s, buckets, statement(part)); err != nil {
			return err
		}
	}
	return nil
}

// sweepPart works as a replica does, so that the fence lets it delete; it looks itself
// whether the buckets are foreign.
func sweepPart(ctx context.Context, s *session, buckets []int32, statement string) error {
	return pgx.BeginFunc(ctx, s, func(tx pgx.Tx) error {
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
		_, err := tx.Exec(ctx, statement)
		return err
	})
}
