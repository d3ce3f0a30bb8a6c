package reshard

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/catalog"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// stray is the rows of one table on a shard whose buckets another shard owns.
type stray struct {
	table   catalog.Table
	buckets []int32
	// keeper owns the buckets.
	keeper int
	rows   int64
	users  span
	// onlyHere are users that the keeper's table lacks, differ those whose rows differ
	// there. Both mean nothing if the keeper's table has other columns.
	onlyHere, differ span
	otherColumns     bool
}

// span is a number of users, and the lowest and highest of them.
type span struct{ count, lowest, highest int64 }

func (s *span) add(user int64) {
	if s.count == 0 {
		s.lowest, s.highest = user, user
	}
	s.count, s.lowest, s.highest = s.count+1, min(s.lowest, user), max(s.highest, user)
}

func (s span) String() string {
	if s.count == 0 {
		return "none"
	}
	return fmt.Sprintf("%d (%d to %d)", s.count, s.lowest, s.highest)
}

func (s stray) String() string {
	text := fmt.Sprintf("%d rows of %s in %s: users %s", s.rows, s.table.Name, shardmap.BucketNames(s.buckets), s.users)
	if s.otherColumns {
		return text + fmt.Sprintf("; not compared with shard %d, whose table has other columns", s.keeper)
	}
	return text + fmt.Sprintf("; not on shard %d: %s; with other rows there: %s", s.keeper, s.onlyHere, s.differ)
}

// rowsByBucket counts the rows of some buckets in one scan.
func (m *Mover) rowsByBucket(ctx context.Context, s *session, t catalog.Table, buckets []int32) (map[int32]int64, error) {
	of := m.options.Map.Buckets
	rows, err := s.Query(ctx, fmt.Sprintf("SELECT ((%[1]s %% %[2]d + %[2]d) %% %[2]d)::integer, count(*) FROM %[3]s WHERE %[4]s GROUP BY 1",
		t.QuotedKey, of, t.Name, slice{buckets, of}.filter(t)))
	if err != nil {
		return nil, err
	}
	counts, bucket, count := map[int32]int64{}, int32(0), int64(0)
	_, err = pgx.ForEachRow(rows, []any{&bucket, &count}, func() error {
		counts[bucket] = count
		return nil
	})
	return counts, err
}

// rowsOf counts the rows of some buckets in all tables.
func (m *Mover) rowsOf(ctx context.Context, s *session, buckets []int32) (map[int32]int64, error) {
	tables, err := catalog.Tables(ctx, s)
	all := map[int32]int64{}
	for _, t := range tables {
		counts, err := m.rowsByBucket(ctx, s, t, buckets)
		if err != nil {
			return nil, err
		}
		for bucket, count := range counts {
			all[bucket] += count
		}
	}
	return all, err
}

// findStrays returns the rows on a shard that nobody uses there, by table and keeper.
func (r *reconciling) findStrays(ctx context.Context, s *session) (found []stray, err error) {
	buckets := r.strays(s.shard.ID)
	if buckets == nil {
		return nil, nil
	}
	tables, err := catalog.Tables(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		counts, err := r.rowsByBucket(ctx, s, t, buckets)
		if err != nil {
			return nil, err
		}
		for _, keeper := range r.f.inOrder() {
			here := stray{table: t, keeper: keeper.shard.ID}
			for _, bucket := range buckets {
				if counts[bucket] > 0 && r.rulings[bucket].keeper == here.keeper {
					here.buckets = append(here.buckets, bucket)
				}
			}
			if here.buckets == nil {
				continue
			}
			if err := r.compare(ctx, s, keeper, &here); err != nil {
				return nil, fmt.Errorf("%s: %w", t.Name, err)
			}
			found = append(found, here)
		}
	}
	return found, nil
}

// compare compares the users with the shard that owns them.
func (r *reconciling) compare(ctx context.Context, s, keeper *session, here *stray) error {
	others, err := catalog.Tables(ctx, keeper)
	if err != nil {
		return err
	}
	moving := slice{here.buckets, r.Mover.options.Map.Buckets}
	if !slices.ContainsFunc(others, func(t catalog.Table) bool {
		return t.Name == here.table.Name && slices.Equal(t.Columns, here.table.Columns)
	}) {
		here.otherColumns = true
		return s.QueryRow(ctx, fmt.Sprintf("SELECT count(*), count(DISTINCT %[1]s), coalesce(min(%[1]s), 0), coalesce(max(%[1]s), 0) FROM %[2]s WHERE %[3]s",
			here.table.QuotedKey, here.table.Name, moving.filter(here.table))).Scan(&here.rows, &here.users.count, &here.users.lowest, &here.users.highest)
	}
	pair := stream{from: s, to: keeper, moving: moving}
	return eachPair(ctx, pair, here.table, func(from, to *digest) error {
		if from == nil {
			return nil
		}
		here.rows += from.rows
		here.users.add(from.user)
		switch {
		case to == nil:
			here.onlyHere.add(from.user)
		case *to != *from:
			here.differ.add(from.user)
		}
		return nil
	})
}

// setAside moves rows from their tables to one that no client reads.
func (r *reconciling) setAside(ctx context.Context, s *session, found []stray) error {
	for _, here := range found {
		if _, err := r.sweepAside(ctx, nil, s, here.table, here.buckets); err != nil {
			return err
		}
		r.step("%s: set aside %s", s.shard.Name, here)
	}
	return nil
}
