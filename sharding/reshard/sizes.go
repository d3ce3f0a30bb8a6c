package reshard

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/catalog"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"golang.org/x/sync/errgroup"
)

// sampledRows is approximately how many rows of each table are read. With a million, a
// bucket of 1/960 of them is known to within 10 % (three standard deviations of a
// sample of single rows; rows that share pages are less exact).
const sampledRows = 1_000_000

// selectPercent is the percentage of a table that has that many rows. A table that was
// never analysed is assumed to have rows of 100 bytes.
const selectPercent = `
	SELECT least(100, 100 * $2::float8 / greatest(1, reltuples, pg_relation_size(oid) / 100 * (reltuples < 0)::int))
	FROM pg_class WHERE oid = $1`

// Sizes says how many rows each bucket has, and where.
type Sizes struct {
	// Owner is the owning shard's id, by bucket.
	Owner []int
	// Rows counts the rows of all sharded tables, by bucket, estimated from a sample of
	// large tables.
	Rows []int64
	// Unread lists the shards that did not answer: the rows of their buckets are 0.
	Unread []string
}

// SizesOptions say which shards to ask. All are required.
type SizesOptions struct {
	// Map is the map in use.
	Map *shardmap.Map
	// Connect returns the settings of a service's connection, which needs no right to
	// the sharded tables.
	Connect func(shard *shardmap.Shard) (*pgx.ConnConfig, error)
	Log     *slog.Logger
}

// NewSizes asks every shard, for at most 5 seconds. It changes nothing.
func NewSizes(ctx context.Context, o SizesOptions) (*Sizes, error) {
	counts := make([]map[int]int64, len(o.Map.Shards))
	readings, unread := EstimateOptions{Current: o.Map, Connect: o.Connect, Log: o.Log}.readAll(ctx)
	var all errgroup.Group
	for i := range o.Map.Shards {
		shard := &o.Map.Shards[i]
		if readings[shard.ID] == nil {
			continue
		}
		all.Go(func() error {
			err := ask(ctx, o.Connect, o.Map, shard, func(ctx context.Context, conn *pgx.Conn) (err error) {
				counts[i], err = countRows(ctx, conn)
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", shard.Name, err)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return nil, err
	}
	s := &Sizes{Owner: owners(o.Map, readings), Rows: make([]int64, o.Map.Buckets), Unread: unread}
	for bucket, owner := range s.Owner {
		for i, shard := range o.Map.Shards {
			// Copies of a move, and rows that a former owner still has, do not count.
			if shard.ID == owner {
				s.Rows[bucket] = counts[i][bucket]
			}
		}
	}
	return s, nil
}

// countRows counts rows by bucket, in a sample of each table.
func countRows(ctx context.Context, conn *pgx.Conn) (map[int]int64, error) {
	tables, err := catalog.Tables(ctx, conn)
	if err != nil {
		return nil, err
	}
	counts := map[int]int64{}
	for _, table := range tables {
		var percent float64
		if err := conn.QueryRow(ctx, selectPercent, table.OID, sampledRows).Scan(&percent); err != nil {
			return nil, err
		}
		rows, err := conn.Query(ctx, "SELECT * FROM scalestack.bucket_rows($1, $2)", table.OID, percent)
		if err != nil {
			return nil, err
		}
		var bucket int
		var count int64
		if _, err := pgx.ForEachRow(rows, []any{&bucket, &count}, func() error { counts[bucket] += count; return nil }); err != nil {
			return nil, fmt.Errorf("%s: %w", table.Name, err)
		}
	}
	return counts, nil
}
