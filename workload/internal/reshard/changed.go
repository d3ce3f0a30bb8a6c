package reshard

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// The comparison behind the fence makes writers wait, so it only looks at what
// can have changed since the comparison before: rows whose xmin is not older,
// and, for deletions, the number of rows of every bucket. A row that is older
// was compared then, and nothing has come for it since.

// oldestRunning returns a transaction id that every later change is not below.
func oldestRunning(ctx context.Context, s *session) (xid string, err error) {
	err = s.QueryRow(ctx, "SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text").Scan(&xid)
	return xid, err
}

// tally is what one scan of a table finds in a bucket.
type tally struct {
	rows    int64
	changed []int64
}

func tallies(ctx context.Context, s *session, tables []table, where, changed string, buckets int) (map[cell]tally, error) {
	all := map[cell]tally{}
	for _, t := range tables {
		rows, err := s.Query(ctx, fmt.Sprintf(
			"SELECT %s, count(*), coalesce(array_agg(DISTINCT user_id) FILTER (WHERE %s), '{}') FROM %s WHERE %s GROUP BY 1",
			bucketOf(buckets), changed, t.Name, where))
		if err != nil {
			return nil, err
		}
		c, found := cell{table: t.Name}, tally{}
		if _, err := pgx.ForEachRow(rows, []any{&c.bucket, &found.rows, &found.changed}, func() error {
			all[c] = found
			found.changed = nil
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (m *Mover) compareChanged(ctx context.Context, s stream, tables []table, since string) (different []cell, rows int64, err error) {
	var from, to map[cell]tally
	var both errgroup.Group
	of := m.options.Map.Buckets
	both.Go(func() (err error) {
		from, err = tallies(ctx, s.from, tables, s.filter, "age(xmin) <= age('"+since+"'::xid)", of)
		return
	})
	both.Go(func() (err error) { to, err = tallies(ctx, s.to, tables, s.filter, "false", of); return })
	if err := both.Wait(); err != nil {
		return nil, 0, err
	}
	users := map[string][]int64{}
	for c, found := range from {
		rows += found.rows
		users[c.table] = append(users[c.table], found.changed...)
		if to[c].rows != found.rows {
			different = append(different, c)
		}
	}
	for c := range to {
		if _, found := from[c]; !found {
			different = append(different, c)
		}
	}
	more, err := m.compareUsers(ctx, s, tables, users)
	return append(different, more...), rows, err
}

// compareUsers compares the rows of single users, found by the primary key.
func (m *Mover) compareUsers(ctx context.Context, s stream, tables []table, users map[string][]int64) (different []cell, err error) {
	for _, t := range tables {
		if len(users[t.Name]) == 0 {
			continue
		}
		list := make([]string, len(users[t.Name]))
		for i, id := range users[t.Name] {
			list[i] = fmt.Sprint(id)
		}
		s.filter = "user_id = ANY ('{" + strings.Join(list, ",") + "}'::bigint[])"
		more, _, err := m.compare(ctx, s, []table{t})
		if err != nil {
			return nil, err
		}
		different = append(different, more...)
	}
	return different, nil
}
