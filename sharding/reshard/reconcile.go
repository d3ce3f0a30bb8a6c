package reshard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// ReconcileOptions say what a reconciliation may do.
type ReconcileOptions struct {
	// Apply makes the changes; without it they are only listed.
	Apply bool
	// Give maps buckets that the plan lists as undecided to the ids of the shards that
	// get them, with the rows that are there, possibly none. Newer rows elsewhere are
	// lost.
	Give map[int32]int
	// OnStep is called after each change of a shard, for tests.
	OnStep func(step string)
}

// Reconciliation is what has to be done after a restore.
type Reconciliation struct {
	// Lines lists, for people, everything that has to be done or was done. None means
	// that nothing does.
	Lines []string
	// Undecided lists the buckets that a person has to decide on, ascending.
	Undecided []int32
}

// reconciling is one run of Reconcile.
type reconciling struct {
	*Mover
	f *fleet
	*judgement
	options ReconcileOptions
	result  *Reconciliation
	// next is where the sequences of restored shards continue, by shard. skipped says
	// for which shards that do not report their restore this has been written.
	next    map[int][]sequence
	skipped map[int]bool
}

// Reconcile makes shards that were restored to different times consistent again: the
// owner of a bucket becomes the shard with the latest complete copy of it. Without
// Apply it changes nothing.
//
// It needs every shard of the map and the locks of a mover, and returns ErrBusy while
// one is at work. It may be killed at any point and run again. Rows of buckets that a
// shard does not own are moved to its table scalestack.set_aside; none is deleted.
//
// If buckets remain that nobody owns, it returns a *RefusedError after everything else
// is done, and the buckets in Undecided.
func (m *Mover) Reconcile(ctx context.Context, o ReconcileOptions) (*Reconciliation, error) {
	if o.OnStep == nil {
		o.OnStep = func(string) {}
	}
	f, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	defer f.close()
	if err := m.checkGiven(o.Give); err != nil {
		return nil, &RefusedError{err}
	}
	j, err := m.survey(ctx, f, o.Give)
	if err != nil {
		return nil, err
	}
	r := &reconciling{Mover: m, f: f, judgement: j, options: o, result: &Reconciliation{}, skipped: map[int]bool{}}
	if err := r.check(); err != nil {
		return nil, &RefusedError{err}
	}
	return r.result, errors.Join(r.run(ctx), r.undecided())
}

func (r *reconciling) run(ctx context.Context) error {
	if err := r.list(ctx); err != nil {
		return err
	}
	if r.options.Apply {
		if err := r.apply(ctx); err != nil {
			return err
		}
	}
	for _, s := range r.f.inOrder() {
		// This comes after the changes: a client with an old map may have written until
		// then.
		found, err := r.findStrays(ctx, s)
		if err == nil && r.options.Apply {
			err = r.setAside(ctx, s, found)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
		for _, here := range found {
			r.say("%s: set aside %s", s.shard.Name, here)
		}
	}
	return nil
}

// survey asks every shard of a fleet. Only writers change the shards meanwhile.
func (m *Mover) survey(ctx context.Context, f *fleet, give map[int32]int) (*judgement, error) {
	var reports []report
	for _, s := range f.inOrder() {
		r, err := readReport(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.shard.Name, err)
		}
		reports = append(reports, r)
	}
	return judge(m.options.Map.Buckets, reports, give, time.Now().Unix()), nil
}

const (
	// The file is in the data folder; components/postgres writes it.
	selectRestores = "SELECT scalestack_pod.restores()"
	// readRestores is for a superuser, in a database that its pod has not given away.
	readRestores  = "SELECT coalesce(pg_read_file('scalestack.restores', 0, 1048576, true), '')"
	hasPod        = "SELECT to_regproc('scalestack_pod.restores') IS NOT NULL"
	hasReconciled = "SELECT to_regclass('scalestack.reconciled') IS NOT NULL"
)

func readReport(ctx context.Context, s *session) (r report, err error) {
	r.shard = s.shard.ID
	if r.holdings, err = readHoldings(ctx, s); err != nil {
		return r, err
	}
	if r.moves, err = unfinished(ctx, s, s.shard.ID); err != nil {
		return r, err
	}
	var given bool
	if err := s.QueryRow(ctx, hasPod).Scan(&given); err != nil {
		return r, err
	}
	query, names := readRestores, ""
	if given {
		query = selectRestores
	}
	if err := s.QueryRow(ctx, query).Scan(&names); err != nil {
		return r, err
	}
	r.restores = strings.Fields(names)
	var known bool
	if err := s.QueryRow(ctx, hasReconciled).Scan(&known); err != nil || !known {
		return r, err
	}
	rows, err := s.Query(ctx, "SELECT name FROM unnest($1::text[]) AS name WHERE name NOT IN (SELECT restore FROM scalestack.reconciled)", r.restores)
	if err != nil {
		return r, err
	}
	r.restores, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return r, err
}

// requireSound refuses to work if a shard was restored: a move that was under way at
// the time it was restored to may have ended since.
func (m *Mover) requireSound(ctx context.Context, f *fleet) error {
	j, err := m.survey(ctx, f, nil)
	if err != nil {
		return err
	}
	var errs []error
	for _, group := range groups(j.unsound()) {
		// Reading the assignment reports these in other words.
		if k := group[0].kind; k != unclaimed && k != elsewhere {
			errs = append(errs, errors.New(describe(group)))
		}
	}
	for _, mv := range j.ends {
		errs = append(errs, fmt.Errorf("%s is %s, and the shards do not own what that says", mv, mv.State))
	}
	if errs == nil {
		return nil
	}
	return &RefusedError{fmt.Errorf("%w. A shard was restored from before a move. Fix: shardctl reconcile", errors.Join(errs...))}
}

func (m *Mover) checkGiven(give map[int32]int) error {
	var errs []error
	for _, bucket := range slices.Sorted(maps.Keys(give)) {
		if int(bucket) >= m.options.Map.Buckets || bucket < 0 {
			errs = append(errs, fmt.Errorf("bucket %d: must be between 0 and %d", bucket, m.options.Map.Buckets-1))
		}
		if m.options.Map.Shard(give[bucket]) == nil {
			errs = append(errs, fmt.Errorf("bucket %d: shard %d is not in the map", bucket, give[bucket]))
		}
	}
	return errors.Join(errs...)
}

// check refuses a map that lacks a shard with buckets, and buckets that a person may
// not give away.
func (r *reconciling) check() error {
	var errs []error
	for _, group := range groups(r.unsound()) {
		if group[0].kind == elsewhere {
			errs = append(errs, errors.New(describe(group)))
		}
	}
	if r.misgiven != nil {
		errs = append(errs, fmt.Errorf("%s: only buckets that the plan names as undecided can be given to a shard", shardmap.BucketNames(r.misgiven)))
	}
	return errors.Join(errs...)
}

func (r *reconciling) undecided() error {
	var errs []error
	for _, group := range groups(r.unsound()) {
		if group[0].kind.decided() {
			continue
		}
		for _, ruling := range group {
			r.result.Undecided = append(r.result.Undecided, ruling.bucket)
		}
		errs = append(errs, errors.New(describe(group)))
	}
	slices.Sort(r.result.Undecided)
	if errs == nil {
		return nil
	}
	return &RefusedError{errors.Join(errs...)}
}
