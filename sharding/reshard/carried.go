package reshard

import (
	"context"
	"fmt"
	"strings"

	"github.com/scalestack/scalestack/sharding/catalog"
)

// otherTables begins the reason of a move that was taken back because tables were
// adopted, created anew or dropped after its stream was made: the stream carries none
// of their rows. Such a move is made again.
const otherTables = "the sharded tables have changed since the copy began: "

// What a stream carries, on either side.
const (
	publishedTables  = "SELECT prrelid FROM pg_publication_rel JOIN pg_publication p ON p.oid = prpubid WHERE pubname = $1"
	subscribedTables = "SELECT srrelid FROM pg_subscription_rel JOIN pg_subscription s ON s.oid = srsubid WHERE subname = $1"
)

// lacks says which sharded tables the stream does not carry, and which of those that it
// carries are no longer sharded. It returns "" if both sides agree.
func (s stream) lacks(ctx context.Context) (string, error) {
	here, there, err := both(s.from, s.to, func(side *session) ([]string, error) {
		carried := publishedTables
		if side == s.to {
			carried = subscribedTables
		}
		texts, err := uncarried(ctx, side, carried, s.name)
		for i := range texts {
			texts[i] = side.shard.Name + texts[i]
		}
		return texts, err
	})
	if err != nil || len(here)+len(there) == 0 {
		return "", err
	}
	return otherTables + strings.Join(append(here, there...), "; "), nil
}

// uncarried says, after a shard's name, which of its tables its side of a stream does
// not carry.
func uncarried(ctx context.Context, q querier, carried, stream string) (texts []string, err error) {
	var come, gone []string
	if err := q.QueryRow(ctx, fmt.Sprintf(`
		WITH carried(oid) AS (%s), sharded(oid) AS (SELECT tgrelid FROM (%s) AS fences)
		SELECT array(SELECT oid::regclass::text FROM (TABLE sharded EXCEPT TABLE carried) AS come ORDER BY 1),
			array(SELECT oid::regclass::text FROM (TABLE carried EXCEPT TABLE sharded) AS gone ORDER BY 1)`,
		carried, catalog.Fences), stream).Scan(&come, &gone); err != nil {
		return nil, err
	}
	for _, table := range come {
		texts = append(texts, " has the new table "+table)
	}
	for _, table := range gone {
		texts = append(texts, " has no fence on "+table+" any more")
	}
	return texts, nil
}

// noteCarried records what a stream that copies rows carries: these rows may be deleted
// on the side where the move does not leave them. The rows of a table that is adopted
// later were there before.
func (s stream) noteCarried(ctx context.Context, f *fleet, mv *Move) error {
	from, to, err := both(s.from, s.to, func(side *session) (oids []uint32, err error) {
		carried := publishedTables
		if side == s.to {
			carried = subscribedTables
		}
		err = side.QueryRow(ctx, "SELECT array("+carried+")", s.name).Scan(&oids)
		return oids, err
	})
	if err != nil {
		return err
	}
	if s.from != f.source(mv) {
		from, to = to, from
	}
	_, err = f.source(mv).Exec(ctx, "UPDATE scalestack.move SET source_tables = $2, target_tables = $3 WHERE id = $1", mv.ID, from, to)
	return err
}

// readCarried returns the tables of one side that a move has carried, by oid. They are
// unknown for a move that an earlier release began.
func readCarried(ctx context.Context, f *fleet, side *session, mv *Move) (oids []uint32, known bool, err error) {
	column := "source_tables"
	if side == f.target(mv) {
		column = "target_tables"
	}
	err = f.source(mv).QueryRow(ctx, "SELECT "+column+", "+column+" IS NOT NULL FROM scalestack.move WHERE id = $1", mv.ID).Scan(&oids, &known)
	return oids, known, err
}
