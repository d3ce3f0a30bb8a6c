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

// purge deletes the rows of buckets that the shard does not own, in one pass
// over the pages of each table. New rows cannot come: the fence is before them.
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
		var pages int64
		if err := s.QueryRow(ctx, "SELECT pg_relation_size($1::regclass) / current_setting('block_size')::bigint", t.Name).Scan(&pages); err != nil {
			return err
		}
		for first := int64(0); first < pages; first += purgePages {
			if err := m.purgePart(ctx, s, t, buckets, first); err != nil {
				return fmt.Errorf("deleting old rows of %s: %w", t.Name, err)
			}
		}
	}
	return nil
}

// purgePart works as a replica does, so that the fence lets it delete; it looks
// itself whether the buckets are foreign.
func (m *Mover) purgePart(ctx context.Context, s *session, t catalog.Table, buckets []int32, first int64) error {
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
		_, err := tx.Exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE ctid >= '(%d,0)' AND ctid < '(%d,0)' AND %s",
			t.Name, first, first+purgePages, slice{buckets, m.options.Map.Buckets}.filter(t)))
		return err
	})
}
