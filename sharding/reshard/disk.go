package reshard

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/dustin/go-humanize"
	"github.com/jackc/pgx/v5/pgconn"
)

// fullPercent is how full a move may make a volume. The rest is for the file system's
// overhead, sorting, and users who sign up meanwhile.
const fullPercent = 90

const (
	// Databases that the role may not connect to are not counted.
	selectDatabases = `
		SELECT coalesce(sum(pg_database_size(oid)), 0)::bigint, pg_size_bytes(current_setting('max_wal_size'))
		FROM pg_database WHERE has_database_privilege(oid, 'CONNECT')`

	selectWAL = "SELECT coalesce(sum(size), 0)::bigint FROM pg_ls_waldir()"
)

// disk is what a shard's volume holds, in bytes.
type disk struct{ databases, wal, mostWAL int64 }

// readDisk assumes an empty log if the role may not read its folder. The sum is the
// same, unless the log is larger than it should be.
func readDisk(ctx context.Context, q querier) (d disk, err error) {
	if err := q.QueryRow(ctx, selectDatabases).Scan(&d.databases, &d.mostWAL); err != nil {
		return disk{}, err
	}
	err = q.QueryRow(ctx, selectWAL).Scan(&d.wal)
	if denied(err) {
		err = nil
	}
	return d, err
}

// denied tells whether the role may not do what it asked for.
func denied(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == "42501"
}

func (d disk) used() int64    { return d.databases + d.wal }
func (d disk) leftWAL() int64 { return max(0, d.mostWAL-d.wal) }

// tooFull says why that many more bytes do not fit on a volume, or returns "".
func (d disk) tooFull(volume, come int64) string {
	percent := math.Ceil(float64(d.used()+come+d.leftWAL()) / float64(volume) * 100)
	if percent <= fullPercent {
		return ""
	}
	return fmt.Sprintf("its volume of %s would be %.0f %% full (limit %d %%): %s are used, %s come, %s are left for WAL",
		size(volume), percent, fullPercent, size(d.used()), size(come), size(d.leftWAL()))
}

func size(bytes int64) string { return humanize.IBytes(uint64(bytes)) }

// diskProblems reports whether the move would fill its target. A disk that cannot be
// measured is a problem too: a shard with a full volume takes no writes at all.
func (m *Mover) diskProblems(ctx context.Context, f *fleet, mv *Move) []error {
	if m.options.Volume == 0 {
		return nil
	}
	target := f.target(mv)
	from, fromErr := newReading(ctx, f.source(mv))
	to, toErr := readDisk(ctx, target)
	if err := errors.Join(fromErr, toErr); err != nil {
		return []error{problem(target, "whether its volume has room is not known: %v", err)}
	}
	if text := to.tooFull(m.options.Volume, from.share(len(mv.Buckets)).Bytes); text != "" {
		return []error{problem(target, "%s", text)}
	}
	return nil
}

// tooFull names the targets that all moves together would fill. A shard that does not
// exist yet will be empty, with as much log as the others.
func (o EstimateOptions) tooFull(moves []EstimatedMove, readings map[int]*reading) (problems []string) {
	if o.Volume == 0 {
		return nil
	}
	come, fresh := map[int]int64{}, disk{}
	for _, move := range moves {
		come[move.To] += move.Bytes
	}
	for _, r := range readings {
		fresh.mostWAL = max(fresh.mostWAL, r.disk.mostWAL)
	}
	for _, shard := range o.Desired.Shards {
		on, r := fresh, readings[shard.ID]
		switch {
		case r != nil:
			on = r.disk
		case o.Current.Shard(shard.ID) != nil:
			continue // it did not answer
		}
		if text := on.tooFull(o.Volume, come[shard.ID]); text != "" && come[shard.ID] > 0 {
			problems = append(problems, shard.Name+": "+text)
		}
	}
	return problems
}
