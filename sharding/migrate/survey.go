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

// RefusedError means that the map must not be used. Nothing was changed, and a retry
// does not help.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return "refused: " + e.Err.Error() }

// Unwrap returns the reasons.
func (e *RefusedError) Unwrap() error { return e.Err }

// news is what a shard knows about one bucket: who owned it at that epoch, and whether
// that is the shard itself.
type news struct {
	Bucket int32
	Epoch  int64
	Owner  int
	Here   bool
}

// knowledge is what one shard reports before anything is changed. A database that is no
// shard yet knows nothing.
type knowledge struct {
	// claimed means that the database is a shard.
	claimed bool
	// founded means that all initial shards existed at once; noted means that this
	// shard has recorded that itself, as shards do in newer releases.
	founded, noted bool
	news           []news
	// moves are the sources and targets of unfinished moves.
	moves []int
}

const (
	readNews = "SELECT bucket, epoch, owner, state IN ('owned', 'fenced') FROM scalestack.ownership"
	// The source has the move's row. On the target the move is recognized by the name
	// scalestack_move_<source>_<id>, which disappears when the move has ended.
	readMoves = `
		SELECT target FROM scalestack.move WHERE state NOT IN ('complete', 'aborted', 'rolled back')
		UNION SELECT split_part(subname, '_', 3)::integer FROM pg_subscription WHERE subname ~ '^scalestack_move_[0-9]+_'
		UNION SELECT split_part(pubname, '_', 3)::integer FROM pg_publication WHERE pubname ~ '^scalestack_move_[0-9]+_'`
	// The table may be older than the column.
	readNote = "SELECT coalesce((to_jsonb(s) ->> 'founded')::boolean, false) FROM scalestack.shard AS s"
)

// read asks a claimed shard.
func read(ctx context.Context, conn *pgx.Conn) (knowledge, error) {
	k := knowledge{claimed: true}
	if err := k.readFounded(ctx, conn); err != nil {
		return k, err
	}
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

// readFounded also accepts that the services' roles were applied, because that happens
// only once all shards exist.
func (k *knowledge) readFounded(ctx context.Context, conn *pgx.Conn) error {
	if err := conn.QueryRow(ctx, readNote).Scan(&k.noted); err != nil {
		return err
	}
	k.founded = k.noted
	var roles bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass('scalestack.rotation') IS NOT NULL").Scan(&roles); err != nil || !roles || k.founded {
		return err
	}
	return conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM scalestack.rotation)").Scan(&k.founded)
}

// survey is what all shards of a map know together.
type survey struct {
	shards *shardmap.Map
	known  []knowledge
	// anew are lost shards that somebody gives up, to put empty ones in their place.
	anew []int
	// owners are the latest known owners, by bucket.
	owners map[int32]int
	// twice are the buckets that more than one shard owns.
	twice map[int32]double
	// moving shards take part in a move that has not ended.
	moving map[int]bool
}

// double is a bucket that two shards own: older and newer are what they report, by
// epoch.
type double struct{ older, newer news }

// combine believes the report with the highest epoch, which grows with every change of
// owner.
func combine(m *shardmap.Map, all []knowledge) *survey {
	s := &survey{shards: m, known: all, owners: map[int32]int{}, moving: map[int]bool{}}
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

// restored returns an error for each shard that owns buckets which later went to
// another shard.
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

// vacant returns the buckets of the base map that a new shard may take: those that no
// shard has ever heard of.
func (s *survey) vacant(id int) []int32 {
	var buckets []int32
	for bucket := range int32(s.shards.Buckets) {
		if _, known := s.owners[bucket]; !known && s.baseOwner(bucket) == id {
			buckets = append(buckets, bucket)
		}
	}
	return buckets
}

// lost returns the shards that existed and no longer do, for example because their
// volume is empty, although they owned buckets. Shards are claimed in the order of
// their ids, so one with a higher id is proof as well.
func (s *survey) lost() (ids []int) {
	highest, founded := -1, false
	for i, k := range s.known {
		if k.claimed {
			highest, founded = max(highest, s.shards.Shards[i].ID), founded || k.founded
		}
	}
	for i, k := range s.known {
		id := s.shards.Shards[i].ID
		if !k.claimed && (founded || id < highest) && len(s.vacant(id)) > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// unfounded reports lost shards that nobody gives up, and shards that somebody gives up
// although they are not lost.
func (s *survey) unfounded() (errs []error) {
	lost := s.lost()
	for _, id := range lost {
		if !slices.Contains(s.anew, id) {
			errs = append(errs, fmt.Errorf("shard %d was a shard and is an empty database now: its volume was lost, and with it the rows of %s. "+
				"Fix: restore it (postgres.restore), or give its users up with shardctl migrate --found-anew %[1]d", id, shardmap.BucketNames(s.vacant(id))))
		}
	}
	for _, id := range s.anew {
		if !slices.Contains(lost, id) {
			errs = append(errs, fmt.Errorf("shard %d is not lost, and is not founded anew", id))
		}
	}
	return errs
}

// noted reports whether every shard has recorded that all initial ones were founded.
func (s *survey) noted() bool {
	return !slices.ContainsFunc(s.known, func(k knowledge) bool { return !k.noted })
}

func (s *survey) baseOwner(bucket int32) int { return int(bucket) % s.shards.InitialShards }

// refuse returns a *RefusedError if the map lacks a shard that owns a bucket or takes
// part in a move: whoever deploys such a map is about to remove that shard.
func (s *survey) refuse() error {
	errs := append(s.restored(), s.unfounded()...)
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

// missing returns the buckets whose owner the map lacks, by owner.
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
