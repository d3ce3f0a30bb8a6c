package reshard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// DifferenceError says that source and target do not hold the same rows. The
// move is then aborted.
type DifferenceError struct {
	// Details name table, bucket and what differs.
	Details []string
}

func (e *DifferenceError) Error() string {
	return "source and target differ: " + strings.Join(e.Details, "; ")
}

// cell is one bucket of one table.
type cell struct {
	table  string
	bucket int64
}

// digest is the number of rows of a cell, and a hash of the ordered rows.
type digest struct {
	rows int64
	hash string
}

// rowHash is the same wherever the same values are in the same columns.
func rowHash(t table) string { return "md5(ROW(" + strings.Join(t.Columns, ", ") + ")::text)" }

func digests(ctx context.Context, s *session, tables []table, where string, buckets int) (map[cell]digest, error) {
	all := map[cell]digest{}
	for _, t := range tables {
		rows, err := s.Query(ctx, fmt.Sprintf("SELECT %s, count(*), md5(string_agg(%s, '' ORDER BY %s)) FROM %s WHERE %s GROUP BY 1",
			bucketOf(buckets), rowHash(t), strings.Join(t.Key, ", "), t.Name, where))
		if err != nil {
			return nil, err
		}
		c, d := cell{table: t.Name}, digest{}
		if _, err := pgx.ForEachRow(rows, []any{&c.bucket, &d.rows, &d.hash}, func() error {
			all[c] = d
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// compare returns the cells that differ, and the source's number of rows. Both
// sides are read at once.
func (m *Mover) compare(ctx context.Context, s stream, tables []table) (different []cell, rows int64, err error) {
	var from, to map[cell]digest
	var both errgroup.Group
	both.Go(func() (err error) { from, err = digests(ctx, s.from, tables, s.filter, m.options.Map.Buckets); return })
	both.Go(func() (err error) { to, err = digests(ctx, s.to, tables, s.filter, m.options.Map.Buckets); return })
	if err := both.Wait(); err != nil {
		return nil, 0, err
	}
	for c, d := range from {
		rows += d.rows
		if to[c] != d {
			different = append(different, c)
		}
	}
	for c := range to {
		if _, found := from[c]; !found {
			different = append(different, c)
		}
	}
	return different, rows, nil
}

// verifyStill compares while nobody writes: every difference counts. With since,
// the rows that have not changed since then count as compared.
func (m *Mover) verifyStill(ctx context.Context, s stream, tables []table, since string) (rows int64, err error) {
	var different []cell
	if since == "" {
		different, rows, err = m.compare(ctx, s, tables)
	} else {
		different, rows, err = m.compareChanged(ctx, s, tables, since)
	}
	if err != nil || different == nil {
		return rows, err
	}
	failure := &DifferenceError{}
	for _, c := range different {
		failure.Details = append(failure.Details, fmt.Sprintf("%s, bucket %d", c.table, c.bucket))
	}
	slices.Sort(failure.Details)
	return rows, failure
}

// verifyMoving compares while others write. Buckets that seem to differ are
// looked at row by row: a row that the source had before the target was drained
// and has still, but the target has not, is a difference. Rows that change
// meanwhile are left to the comparison behind the fence; since is from when on
// it has to look.
func (m *Mover) verifyMoving(ctx context.Context, s stream, tables []table) (since string, rows int64, err error) {
	if since, err = oldestRunning(ctx, s.from); err != nil {
		return "", 0, err
	}
	different, rows, err := m.compare(ctx, s, tables)
	if err != nil {
		return "", 0, err
	}
	failure := &DifferenceError{}
	for _, c := range different {
		t := tables[slices.IndexFunc(tables, func(t table) bool { return t.Name == c.table })]
		where := fmt.Sprintf("%s = %d", bucketOf(m.options.Map.Buckets), c.bucket)
		count, err := m.quietDifferences(ctx, s, t, where)
		if err != nil {
			return "", 0, err
		}
		if count > 0 {
			failure.Details = append(failure.Details, fmt.Sprintf("%s, bucket %d, %d rows", c.table, c.bucket, count))
		}
	}
	if failure.Details != nil {
		return "", rows, failure
	}
	return since, rows, nil
}

func (m *Mover) quietDifferences(ctx context.Context, s stream, t table, where string) (int, error) {
	before, err := rowHashes(ctx, s.from, t, where)
	if err != nil {
		return 0, err
	}
	if err := s.drain(ctx, copyLag, pollEvery); err != nil {
		return 0, err
	}
	there, thereErr := rowHashes(ctx, s.to, t, where)
	after, afterErr := rowHashes(ctx, s.from, t, where)
	if err := errors.Join(thereErr, afterErr); err != nil {
		return 0, err
	}
	count := 0
	for key := range union(before, there, after) {
		if before[key] == after[key] && before[key] != there[key] {
			count++
		}
	}
	return count, nil
}

func union(sets ...map[string]string) map[string]bool {
	all := map[string]bool{}
	for _, set := range sets {
		for key := range set {
			all[key] = true
		}
	}
	return all
}

func rowHashes(ctx context.Context, s *session, t table, where string) (map[string]string, error) {
	rows, err := s.Query(ctx, fmt.Sprintf("SELECT ROW(%s)::text, %s FROM %s WHERE %s", strings.Join(t.Key, ", "), rowHash(t), t.Name, where))
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	var key, hash string
	_, err = pgx.ForEachRow(rows, []any{&key, &hash}, func() error {
		all[key] = hash
		return nil
	})
	return all, err
}
