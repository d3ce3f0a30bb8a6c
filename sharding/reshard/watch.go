package reshard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/sharding/catalog"
	"golang.org/x/sync/errgroup"
)

// watch knows which users of a stream still have to be compared: those that differed,
// and those whose rows have since changed on either side. All others were equal and
// have not changed. So the comparison behind the fence costs as much as the last
// moment's writes, whatever the size of the shard.
type watch struct {
	// of is the name of the stream.
	of       string
	from, to *feed
	pending  map[string]map[int64]sighting
	// versions are those of each side's tables before they were compared.
	versions [2]map[string]string
}

// errAltered means that rows may have changed without a record in the log.
var errAltered = errors.New("a sharded table was altered since it was compared")

// sighting is the result of the last comparison; the zero value means that something
// has changed since.
type sighting struct {
	from, to string
	// next is the first transaction of the source that had not begun at the first such
	// comparison.
	next int64
}

func (s sighting) same(other sighting) bool { return s.from == other.from && s.to == other.to }

// watchName is the name of the publications and slots on both sides.
func (s stream) watchName() string { return s.name + "_watch" }

// openWatch starts to watch both sides, in place of whatever was watched before.
func (m *Mover) openWatch(ctx context.Context, f *fleet, s stream, tables []catalog.Table) (*watch, error) {
	f.unwatch()
	if err := s.dropWatch(ctx); err != nil {
		return nil, err
	}
	w := &watch{of: s.name, pending: map[string]map[int64]sighting{}}
	for _, t := range tables {
		w.pending[t.Name] = map[int64]sighting{}
	}
	f.watch = w
	for _, side := range []struct {
		session *session
		feed    **feed
	}{{s.from, &w.from}, {s.to, &w.to}} {
		own, err := catalog.Tables(ctx, side.session)
		if err != nil {
			return nil, err
		}
		// With truncations, which the stream does not carry.
		if err := publish(ctx, side.session, s.watchName(), s.moving, own, "insert, update, delete, truncate"); err != nil {
			return nil, err
		}
		if err := m.patiently(ctx, f, s.mv, side.session, "watch", func(ctx context.Context) (err error) {
			*side.feed, err = m.openFeed(ctx, side.session, s.watchName(), own, w.changed)
			return err
		}); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func versionsOf(ctx context.Context, from, to catalog.Querier) (versions [2]map[string]string, err error) {
	var asking errgroup.Group
	for i, side := range []catalog.Querier{from, to} {
		asking.Go(func() (err error) {
			versions[i], err = catalog.Versions(ctx, side)
			return err
		})
	}
	return versions, asking.Wait()
}

// requireUnaltered checks whether the tables are still those that were compared. No log
// records a rewrite, a column that is filled by a default, or another table under the
// same name.
func (w *watch) requireUnaltered(ctx context.Context, from, to catalog.Querier) error {
	now, err := versionsOf(ctx, from, to)
	if err == nil && !slices.EqualFunc(now[:], w.versions[:], maps.Equal) {
		err = errAltered
	}
	return err
}

// lockTables keeps everybody from altering the tables and their triggers until the
// transaction ends. It takes the lock that writers take.
func (w *watch) lockTables(ctx context.Context, q querier) error {
	_, err := q.Exec(ctx, "LOCK TABLE "+strings.Join(slices.Sorted(maps.Keys(w.pending)), ", ")+" IN ROW EXCLUSIVE MODE")
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == undefinedTable {
		return errAltered
	}
	return err
}

// undefinedTable is the SQLSTATE of a table that does not exist.
const undefinedTable = "42P01"

// watching returns the watch of a stream, if this mover has one.
func (f *fleet) watching(s stream) *watch {
	if f.watch == nil || f.watch.of != s.name {
		return nil
	}
	return f.watch
}

// unwatch ends the watch, and its slots with it.
func (f *fleet) unwatch() {
	if f.watch == nil {
		return
	}
	for _, one := range []*feed{f.watch.from, f.watch.to} {
		if one != nil {
			one.close()
		}
	}
	f.watch = nil
}

// dropWatch removes what an earlier mover's watch left behind.
func (s stream) dropWatch(ctx context.Context) error {
	for _, side := range []*session{s.from, s.to} {
		if err := side.dropSlot(ctx, s.watchName()); err != nil {
			return fmt.Errorf("slot %s: %w", s.watchName(), err)
		}
		if _, err := side.Exec(ctx, "DROP PUBLICATION IF EXISTS "+s.watchName()); err != nil {
			return err
		}
	}
	return nil
}

// horizon is how far the source's transactions are: all before oldest have ended, and
// next has not begun.
type horizon struct{ oldest, next int64 }

// unknown is a horizon at which nobody is quiet.
var unknown = horizon{0, math.MaxInt64}

// horizon takes a transaction's number for next: a snapshot's own end is the one after
// the last that has ended, and others may have begun behind it.
func (s *session) horizon(ctx context.Context) (h horizon, err error) {
	err = s.QueryRow(ctx, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_current_xact_id()::text::bigint").
		Scan(&h.oldest, &h.next)
	return h, err
}

func (w *watch) changed(table string, user int64) {
	if of, sharded := w.pending[table]; sharded {
		of[user] = sighting{}
	}
}

// follow waits until the target has everything that the source has committed, and the
// watch has seen it.
func (w *watch) follow(ctx context.Context, s stream, timeout, every time.Duration) error {
	position, err := s.from.position(ctx)
	if err != nil {
		return err
	}
	if err := s.drainTo(ctx, position, timeout, every); err != nil {
		return err
	}
	applied, err := s.to.position(ctx)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = errors.Join(w.from.readTo(waiting, position), w.to.readTo(waiting, applied))
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return errLate
	}
	return err
}

// takeIn processes changes until the context ends: the servers have to keep log that
// nobody reads.
func (w *watch) takeIn(ctx context.Context) error {
	for ctx.Err() == nil {
		for _, one := range []*feed{w.from, w.to} {
			if err := one.next(ctx); err != nil && !errors.Is(err, ctx.Err()) {
				return err
			}
		}
	}
	return errors.Join(w.from.report(ctx, true), w.to.report(ctx, true))
}

// compare compares everybody that still has to be compared, and forgets those that are
// equal. It returns those that differ, and which of them are quiet: they differed
// before, with no change on either side since.
//
// A commit is in the log, and with the target, before the source shows it: for as long
// as it waits for a standby, or its process for a processor. So nobody is quiet until
// every transaction has ended that was under way at the first comparison.
func (w *watch) compare(ctx context.Context, s stream, tables []catalog.Table, at horizon) (different, quiet []cell, err error) {
	for _, t := range tables {
		pending := w.pending[t.Name]
		if len(pending) == 0 {
			continue
		}
		users := make([]int64, 0, len(pending))
		for user := range pending {
			users = append(users, user)
		}
		slices.Sort(users)
		from, to, err := digestsOf(ctx, s, t, users)
		if err != nil {
			return nil, nil, err
		}
		for _, user := range users {
			now, before := sighting{from[user], to[user], at.next}, pending[user]
			switch {
			case now.from == now.to:
				delete(pending, user)
				continue
			case now.same(before):
				if now.next = min(now.next, before.next); at.oldest >= before.next {
					quiet = append(quiet, cell{t.Name, user})
				}
			}
			pending[user] = now
			different = append(different, cell{t.Name, user})
		}
	}
	return different, quiet, nil
}
