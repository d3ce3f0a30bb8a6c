package reshard

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/catalog"
)

// skipped is how many values of each sequence a restored shard skips: values that it
// handed out after the time it was restored to, and that events, caches and other
// services have seen. Adopt leaves the same gap between shards.
const skipped = 1 << 20

// sequence is a sequence and where it continues.
type sequence struct {
	// name is qualified and quoted.
	name string
	next int64
}

// restart takes effect with its transaction, unlike setval, and makes sessions drop
// cached values.
func (q sequence) restart(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, fmt.Sprintf("ALTER SEQUENCE %s RESTART WITH %d", q.name, q.next))
	return err
}

// counter is the current state of a sequence.
type counter struct {
	Name                       string
	Last, Increment, Low, High int64
	Cycle                      bool
}

const selectCounters = `
	SELECT format('%I.%I', n.nspname, c.relname), coalesce(pg_sequence_last_value(q.seqrelid), q.seqstart), seqincrement, seqmin, seqmax, seqcycle
	FROM pg_sequence q JOIN pg_class c ON c.oid = seqrelid JOIN pg_namespace n ON n.oid = relnamespace
	WHERE relpersistence <> 't' ORDER BY 1`

// onward returns the value after those to skip, counted from the furthest that any
// shard has; false if the sequence has not that many.
func (c counter) onward(furthest int64) (int64, bool) {
	from := c.Last
	if ahead := (furthest - from) / c.Increment; ahead > 0 {
		from += ahead * c.Increment
	}
	left := (c.High - from) / c.Increment
	if c.Increment < 0 {
		left = (c.Low - from) / c.Increment
	}
	if c.Cycle || left <= skipped+1 {
		return 0, false
	}
	return from + (skipped+1)*c.Increment, true
}

// sequences returns where those of restored shards continue, by shard, and which are
// too small to skip anything.
func (r *reconciling) sequences(ctx context.Context) (next map[int][]sequence, small map[int][]string, err error) {
	furthest := map[string]int64{}
	for _, s := range r.f.inOrder() {
		if err := s.furthest(ctx, furthest); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", s.shard.Name, err)
		}
	}
	next, small = map[int][]sequence{}, map[int][]string{}
	for shard := range r.restored() {
		rows, err := r.f.sessions[shard].Query(ctx, selectCounters)
		if err != nil {
			return nil, nil, err
		}
		counters, err := pgx.CollectRows(rows, pgx.RowToStructByPos[counter])
		if err != nil {
			return nil, nil, err
		}
		for _, c := range counters {
			if value, ok := c.onward(furthest[c.Name]); ok {
				next[shard] = append(next[shard], sequence{c.Name, value})
			} else {
				small[shard] = append(small[shard], c.Name)
			}
		}
	}
	return next, small, nil
}

// furthest records the highest values of the columns that have sequences: rows that
// have left the restored shard keep theirs.
func (s *session) furthest(ctx context.Context, furthest map[string]int64) error {
	tables, err := catalog.Tables(ctx, s)
	if err != nil {
		return err
	}
	candidates := make([]catalog.Candidate, len(tables))
	for i, t := range tables {
		candidates[i] = catalog.Candidate{Table: t.Name, Key: t.Key}
	}
	list, err := catalog.Sequences(ctx, s, s.shard.ID, candidates)
	if err != nil {
		return err
	}
	for _, q := range list {
		var most int64
		if err := s.QueryRow(ctx, fmt.Sprintf("SELECT coalesce(max(%s), 0) FROM %s", q.Column, q.Table)).Scan(&most); err != nil {
			return err
		}
		furthest[q.Name] = max(furthest[q.Name], most)
	}
	return nil
}
