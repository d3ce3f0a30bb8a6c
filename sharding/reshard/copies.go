package reshard

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// streamsOf is a LIKE pattern for the names of the moves' streams.
const streamsOf = `scalestack\_move\_%`

// tableCopy is the copy of one table by one stream.
type tableCopy struct {
	Stream string
	Table  uint32
	Done   bool
	// Rows and Bytes are 0 before and after the copy itself.
	Rows, Bytes int64
}

// readTableCopies asks a target. A table is done once its changes follow.
func readTableCopies(ctx context.Context, q querier, streams string) ([]tableCopy, error) {
	rows, err := q.Query(ctx, `
		SELECT s.subname::text, r.srrelid::oid, r.srsubstate IN ('f', 's', 'r'), coalesce(p.tuples_processed, 0), coalesce(p.bytes_processed, 0)
		FROM pg_subscription s JOIN pg_subscription_rel r ON r.srsubid = s.oid
			LEFT JOIN pg_stat_progress_copy p ON p.relid = r.srrelid AND p.datid = s.subdbid AND p.command = 'COPY FROM'
		WHERE s.subname LIKE $1 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`, streams)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[tableCopy])
}

// readLags asks a source how many bytes each stream's target is behind.
func readLags(ctx context.Context, q querier) (map[string]int64, error) {
	rows, err := q.Query(ctx, `
		SELECT application_name, coalesce(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), replay_lsn), 0)::bigint
		FROM pg_stat_replication WHERE application_name LIKE $1`, streamsOf)
	if err != nil {
		return nil, err
	}
	lags, name, lag := map[string]int64{}, "", int64(0)
	_, err = pgx.ForEachRow(rows, []any{&name, &lag}, func() error {
		lags[name] = lag
		return nil
	})
	return lags, err
}

func sum(tables []tableCopy) (c Copy) {
	for _, t := range tables {
		c.Tables++
		if t.Done {
			c.Done++
		}
		c.Rows, c.Bytes = c.Rows+t.Rows, c.Bytes+t.Bytes
	}
	return c
}
