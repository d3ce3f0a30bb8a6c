package reshard

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/catalog"
)

// digest summarizes what a user has in a table: the number of rows, and a hash of them
// all.
type digest struct {
	user, rows int64
	hash       string
}

// selectDigests returns the digests in the order of the users. They are equal wherever
// the same columns hold the same values.
func selectDigests(t catalog.Table, where string) string {
	return fmt.Sprintf(`
		SELECT key, count(*), md5(string_agg(hash, '' ORDER BY hash))
		FROM (SELECT %s AS key, md5(ROW(%s)::text) COLLATE "C" AS hash FROM %s WHERE %s) AS hashes
		GROUP BY key ORDER BY key`, t.QuotedKey, strings.Join(t.Columns, ", "), t.Name, where)
}

// cursor points at one of many digests and keeps only that one in memory.
type cursor struct {
	digest
	more bool
	rows pgx.Rows
}

func openCursor(ctx context.Context, s *session, sql string) (*cursor, error) {
	rows, err := s.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	c := &cursor{rows: rows}
	return c, c.next()
}

func (c *cursor) next() error {
	if c.more = c.rows.Next(); !c.more {
		return c.rows.Err()
	}
	return c.rows.Scan(&c.user, &c.digest.rows, &c.hash)
}

func (c *cursor) close() {
	if c != nil {
		c.rows.Close()
	}
}

// eachPair reads both sides of a table at once and calls visit for every user, with nil
// for a side that lacks the user.
func eachPair(ctx context.Context, s stream, t catalog.Table, visit func(from, to *digest) error) error {
	sql := selectDigests(t, s.moving.filter(t))
	from, to, err := both(s.from, s.to, func(side *session) (*cursor, error) { return openCursor(ctx, side, sql) })
	defer from.close()
	defer to.close()
	for err == nil && (from.more || to.more) {
		left, right := &from.digest, &to.digest
		switch {
		case !to.more || from.more && from.user < to.user:
			right = nil
		case !from.more || to.user < from.user:
			left = nil
		}
		if err = visit(left, right); err != nil {
			break
		}
		if left != nil {
			err = from.next()
		}
		if right != nil && err == nil {
			err = to.next()
		}
	}
	return err
}

// digestsOf returns the hashes of some users on both sides, "" where a user has no
// rows.
func digestsOf(ctx context.Context, s stream, t catalog.Table, users []int64) (from, to map[int64]string, err error) {
	return both(s.from, s.to, func(side *session) (map[int64]string, error) { return hashes(ctx, side, t, users) })
}

func hashes(ctx context.Context, s *session, t catalog.Table, users []int64) (map[int64]string, error) {
	rows, err := s.Query(ctx, selectDigests(t, t.QuotedKey+" = ANY ($1)"), users)
	if err != nil {
		return nil, err
	}
	all, d := make(map[int64]string, len(users)), digest{}
	_, err = pgx.ForEachRow(rows, []any{&d.user, &d.rows, &d.hash}, func() error {
		all[d.user] = d.hash
		return nil
	})
	return all, err
}
