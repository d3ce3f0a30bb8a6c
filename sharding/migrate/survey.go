package migrate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// RefusedError says that the map must not be used. Nothing was changed, and
// trying again does not help.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return "refused: " + e.Err.Error() }

// Unwrap returns the reasons.
func (e *RefusedError) Unwrap() error { return e.Err }

// news is what a shard knows of one bucket: who owned it at that epoch, and
// whether that is the shard itself.
type news struct {
	Bucket int32
	Epoch  int64
	Owner  int
	Here   bool
}

// knowledge is what one shard says before anything is changed. A database that
// is nobody's shard yet knows nothing.
type knowledge struct {
	news []news
	// moves are the sources and targets of moves that have not ended.
	moves []int
}

const (
	readNews = "SELECT bucket, epoch, owner, state IN ('owned', 'fenced') FROM scalestack.ownership"
	// The source has the move's row. In the target the move shows by what is
	// named scalestack_move_<source>_<id>, which goes when the move has ended.
	readMoves = `
		SELECT target FROM scalestack.move WHERE state NOT IN ('complete', 'aborted', 'rolled back')
		UNION SELECT split_part(subname, '_', 3)::integer FROM pg_subscription WHERE subname ~ '^scalestack_move_[0-9]+_'
		UNION SELECT split_part(pubname, '_', 3)::integer FROM pg_publication WHERE pubname ~ '^scalestack_move_[0-9]+_'`
)

// read asks a claimed shard.
func read(ctx context.Context, conn *pgx.Conn) (knowledge, error) {
	var k knowledge
	rows, err := conn.Query(ctx, readNews)
	if err != nil {
		return k, err
	}
	if k.news, err = pgx.CollectRows(rows, pgx.RowToStructByPos[news]); err != nil {
		return k, err
	}
	var moves bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass('scalestack.move') IS NOT NULL").Scan(&moves); err != nil || !moves {
		return k, err
	}
	if rows, err = conn.Query(ctx, readMoves); err != nil {
		return k, err
	}
	k.moves, err = pgx.CollectRows(rows, pgx.RowTo[int])
	return k, err
}

// survey is what all shards of a map know together.
type survey struct {
	shards *shardmap.Map
	// owners are the latest known ones, by bucket.
	owners map[int32]int
	// twice are the buckets that more than one shard owns.
	twice map[int32]double
	// moving shards take part in a move that has not ended.
	moving map[int]bool
}

// double is a bucket that two shards own: older and newer are the epochs' owners.
type double struct{ older, newer news }

// combine believes the news with the highest epoch, which grows with every
// change of owner.
func combine(m *shardmap.Map, all []knowledge) *survey {
	s := &survey{shards: m, owners: map[int32]int{}, moving: map[int]bool{}}
	epochs, here := map[int32]int64{}, map[int32]news{}
	for _, k := range all {
		for _, id := range k.moves {
			s.moving[id] = true
		}
		for _, n := range k.news {
			if n.Epoch > epochs[n.Bucket] {
				epochs[n.Bucket], s.owners[n.Bucket] = n.Epoch, n.Owner
			}
			if !n.Here {
				continue
			}
			if other, claimed := here[n.Bucket]; claimed {
				s.note(n, other)
			}
			here[n.Bucket] = n
		}
	}
	return s
}

func (s *survey) note(a, b news) {
	if a.Epoch > b.Epoch {
		a, b = b, a
	}
	if s.twice == nil {
		s.twice = map[int32]double{}
	}
	s.twice[a.Bucket] = double{older: a, newer: b}
}

// restored names the shards that own buckets which later went to another one.
func (s *survey) restored() (errs []error) {
	buckets := map[[2]int][]int32{}
	for _, bucket := range slices.Sorted(maps.Keys(s.twice)) {
		pair := [2]int{s.twice[bucket].older.Owner, s.twice[bucket].newer.Owner}
		buckets[pair] = append(buckets[pair], bucket)
	}
	for _, pair := range slices.SortedFunc(maps.Keys(buckets), func(a, b [2]int) int { return slices.Compare(a[:], b[:]) }) {
		errs = append(errs, fmt.Errorf("shards %d and %d both own %s, and shard %[2]d since later: shard %[1]d was restored from before a move. Fix: shardctl reconcile",
			pair[0], pair[1], shardmap.BucketNames(buckets[pair])))
	}
	return errs
}

// vacant are the buckets of the base map that a new shard may take: those that
// no shard has ever heard of.
func (s *survey) vacant(id int) []int32 {
	var buckets []int32
	for bucket := range int32(s.shards.Buckets) {
		if _, known := s.owners[bucket]; !known && s.baseOwner(bucket) == id {
			buckets = append(buckets, bucket)
		}
	}
	return buckets
}

func (s *survey) baseOwner(bucket int32) int { return int(bucket) % s.shards.InitialShards }

// refuse returns a *RefusedError if the map lacks a shard that owns a bucket or
// takes part in a move. Whoever deploys such a map is about to remove it.
func (s *survey) refuse() error {
	errs := s.restored()
	missing := s.missing()
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		errs = append(errs, fmt.Errorf("shard %d is not in the map and owns %s: drain it first", id, shardmap.BucketNames(missing[id])))
	}
	for _, id := range slices.Sorted(maps.Keys(s.moving)) {
		if s.shards.Shard(id) == nil && len(missing[id]) == 0 {
			errs = append(errs, fmt.Errorf("shard %d is not in the map and a move from or to it has not ended: let reshard end it first", id))
		}
	}
	if errs == nil {
		return nil
	}
	return &RefusedError{errors.Join(errs...)}
}

// missing returns the buckets, by owner, whose owner the map does not have.
func (s *survey) missing() map[int][]int32 {
	missing := map[int][]int32{}
	for bucket := range int32(s.shards.Buckets) {
		owner, known := s.owners[bucket]
		if !known {
			owner = s.baseOwner(bucket)
		}
		if s.shards.Shard(owner) == nil {
			missing[owner] = append(missing[owner], bucket)
		}
	}
	return missing
}
