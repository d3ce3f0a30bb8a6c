package reshard

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/catalog"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

const (
	// This is how the planner itself estimates a table's size: the density at the last
	// ANALYZE and the current number of pages. A table that was never analysed is
	// assumed to have rows of 100 bytes, about what a user takes.
	selectSize = `
		SELECT coalesce(sum(CASE WHEN relpages > 0 THEN reltuples / relpages ELSE block / 100 END * pages), 0)::bigint,
			coalesce(sum(pg_total_relation_size(oid)), 0)::bigint
		FROM (SELECT oid, reltuples, relpages, block, pg_relation_size(oid) / block AS pages
			FROM pg_class, current_setting('block_size') AS setting, CAST(setting AS bigint) AS block
			WHERE oid IN (SELECT tgrelid FROM (` + catalog.Fences + `) AS fences)) AS sharded`

	// The time to observe is a setting rather than a speed, and small moves consist
	// mostly of waiting.
	selectRates = `
		SELECT rows / extract(epoch FROM ((history->>'complete')::timestamptz - created_at)
			- ((history->>'observed')::timestamptz - (history->>'switched')::timestamptz))::double precision
		FROM scalestack.move WHERE state = 'complete' AND rows >= 10000 ORDER BY id DESC LIMIT 20`
)

// reading is what one shard reports.
type reading struct {
	holdings    map[int32]holding
	owned       int64
	rows, bytes int64
	// rates are the rows per second of its last moves.
	rates []float64
	// disk is only read for an estimate.
	disk disk
}

func (o EstimateOptions) read(ctx context.Context, shard *shardmap.Shard) (r *reading, err error) {
	err = ask(ctx, o.Connect, o.Current, shard, func(ctx context.Context, conn *pgx.Conn) error {
		if r, err = newReading(ctx, conn); err != nil || o.Volume == 0 {
			return err
		}
		r.disk, err = readDisk(ctx, conn)
		return err
	})
	return r, err
}

// ask visits one shard for one question, for at most readWithin.
func ask(ctx context.Context, connect func(*shardmap.Shard) (*pgx.ConnConfig, error), m *shardmap.Map, shard *shardmap.Shard,
	question func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	return visit(ctx, connect, m, shard, func(conn *pgx.Conn) error { return question(ctx, conn) })
}

// visit runs do on a connection to one shard, which must be the map's.
func visit(ctx context.Context, connect func(*shardmap.Shard) (*pgx.ConnConfig, error), m *shardmap.Map, shard *shardmap.Shard,
	do func(*pgx.Conn) error) error {
	config, err := connect(shard)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := identity.Check(ctx, conn, shard.Name, identity.Of(m, shard)); err != nil {
		return err
	}
	return do(conn)
}

func newReading(ctx context.Context, q querier) (*reading, error) {
	r := &reading{}
	var err error
	if r.holdings, err = readHoldings(ctx, q); err != nil {
		return nil, err
	}
	for _, h := range r.holdings {
		if h.here() {
			r.owned++
		}
	}
	if err := q.QueryRow(ctx, selectSize).Scan(&r.rows, &r.bytes); err != nil {
		return nil, err
	}
	r.rates, err = readRates(ctx, q)
	return r, err
}

// readRates finds nothing on a shard whose schema is older than the grant.
func readRates(ctx context.Context, q querier) ([]float64, error) {
	rows, err := q.Query(ctx, selectRates)
	if err != nil {
		return nil, err
	}
	rates, err := pgx.CollectRows(rows, pgx.RowTo[float64])
	if denied(err) {
		return nil, nil
	}
	return rates, err
}

// share assumes that users are spread evenly over the buckets.
func (r *reading) share(buckets int) EstimatedMove {
	e := EstimatedMove{Buckets: buckets}
	if r != nil && r.owned > 0 {
		e.Rows = r.rows * int64(buckets) / r.owned
		e.Bytes = r.bytes * int64(buckets) / r.owned
	}
	return e
}
