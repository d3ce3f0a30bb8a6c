package history

import (
	"context"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
)

// Shard is a shard's database, as its administrator sees it.
type Shard struct {
	ID   int
	Conn *pgx.Conn
	// Table is the table whose rows are compared, for example "users". It has the
	// columns user_id, version, name and email.
	Table string
}

// Rows reads every user of the shard in ascending order, without keeping them.
func (s Shard) Rows(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		rows, err := s.Conn.Query(ctx, "SELECT user_id, version, name FROM "+pgx.Identifier{s.Table}.Sanitize()+" ORDER BY user_id")
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer rows.Close()
		row := Row{Shard: s.ID}
		for rows.Next() {
			if err := rows.Scan(&row.User, &row.Version, &row.Name); err != nil {
				yield(Row{}, err)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Row{}, fmt.Errorf("shard %d: %w", s.ID, err))
		}
	}
}

// Holding is what a shard reports about a bucket.
type Holding struct {
	Shard, Bucket int
	State         string
}

// Holdings reads which buckets the shard owns or has owned.
func (s Shard) Holdings(ctx context.Context) ([]Holding, error) {
	rows, err := s.Conn.Query(ctx, "SELECT $1::integer, bucket, state FROM scalestack.ownership", s.ID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Holding])
}

// Owners returns the owner of each bucket according to the shards. A bucket without an
// owner, with two, or behind a fence is a finding.
func (h *History) Owners(buckets int, holdings []Holding) []int {
	owners := make([]int, buckets)
	for bucket := range owners {
		owners[bucket] = -1
	}
	for _, one := range holdings {
		if one.State == "moved" {
			continue
		}
		if one.State != "owned" {
			h.found.Addf(WrongOwner, "bucket %d is %s on shard %d", one.Bucket, one.State, one.Shard)
		}
		if other := owners[one.Bucket]; other >= 0 {
			h.found.Addf(WrongOwner, "bucket %d is owned by shards %d and %d", one.Bucket, other, one.Shard)
		}
		owners[one.Bucket] = one.Shard
	}
	for bucket, owner := range owners {
		if owner < 0 {
			h.found.Addf(WrongOwner, "bucket %d has no owner", bucket)
		}
	}
	return owners
}
