package adopt

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/catalog"
)

// findMoves records which buckets are on their way from or to each shard: a move's row
// is on its source, and a mover that was killed leaves it unfinished.
func findMoves(ctx context.Context, sessions []*session) error {
	byID := map[int]*session{}
	for _, s := range sessions {
		byID[s.shard.ID] = s
	}
	for _, s := range sessions {
		rows, err := s.Query(ctx, "SELECT target, buckets FROM scalestack.move WHERE state NOT IN ('complete', 'aborted', 'rolled back')")
		if err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
		var target int
		var buckets []int32
		if _, err := pgx.ForEachRow(rows, []any{&target, &buckets}, func() error {
			s.moving = append(s.moving, buckets...)
			if taker := byID[target]; taker != nil {
				taker.moving = append(taker.moving, buckets...)
			}
			return nil
		}); err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
	}
	return nil
}

// isCarried reports whether a move copies the table's rows, or has left them behind:
// whether the table was sharded when a stream was made, or is now.
const isCarried = `
	SELECT to_regclass($1) IN (SELECT tgrelid FROM (` + catalog.Fences + `) AS fences
		UNION SELECT prrelid FROM pg_publication_rel JOIN pg_publication p ON p.oid = prpubid WHERE starts_with(pubname, 'scalestack_move_')
		UNION SELECT srrelid FROM pg_subscription_rel JOIN pg_subscription s ON s.oid = srsubid WHERE starts_with(subname, 'scalestack_move_'))`

// strays describes rows in buckets that the shard does not own, including buckets that
// it gave away: no move has copied a table that was not sharded at the time. Copies and
// old rows of an unfinished move do not count.
func (s *session) strays(ctx context.Context, t catalog.Candidate) (text string, err error) {
	var carried bool
	if err := s.QueryRow(ctx, isCarried, t.Table).Scan(&carried); err != nil {
		return "", err
	}
	var moving []int32
	if carried {
		moving = s.moving
	}
	var count int64
	if err := s.QueryRow(ctx, fmt.Sprintf(`
		SELECT count(*) FROM (SELECT (%[2]s %% s.buckets + s.buckets) %% s.buckets AS bucket FROM %[1]s, scalestack.shard AS s) AS keys
		WHERE bucket NOT IN (SELECT bucket FROM scalestack.owned_buckets) AND NOT coalesce(bucket = ANY ($1::integer[]), false)`,
		t.Table, pgx.Identifier{t.Key}.Sanitize()), moving).Scan(&count); err != nil || count == 0 {
		return "", err
	}
	text = fmt.Sprintf("%s: %d rows are in buckets that the shard does not own; nobody could read or change them. Fix: bring them to their shards first", t.Table, count)
	if carried {
		text += ", or set them aside: shardctl reconcile --apply"
	}
	return text, nil
}
