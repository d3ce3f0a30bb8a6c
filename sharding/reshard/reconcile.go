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
	"github.com/scalestack/scalestack/sharding/locks"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// ReconcileOptions say what a reconciliation may do.
type ReconcileOptions struct {
	// Apply makes the changes; without it they are only listed.
	Apply bool
	// Give are buckets that the plan names as undecided, and the ids of the shards that
	// they go to with the rows that are there, none perhaps. What is newer elsewhere is lost.
	Give map[int32]int
	// OnStep is called after each change of a shard, for tests.
	OnStep func(step string)
}

// Reconciliation is what a restore has left to be done.
type Reconciliation struct {
	// Lines say everything that is, or was, to be done, for people. None means nothing.
	Lines []string
	// Undecided are the buckets that a person has to decide on, ascending.
	Undecided []int32
}

// reconciling is one run of Reconcile.
type reconciling struct {
	*Mover
	f *fleet
	*judgement
	options ReconcileOptions
	result  *Reconciliation
	// next is where the sequences of restored shards go on, by shard, and skipped says for
	// which of those that do not say so themselves it is written.
	next    map[int][]sequence
	skipped map[int]bool
}

// Reconcile brings shards that were restored to different moments to one truth: the owner
// of a bucket is the one with the latest complete copy of it. Without Apply it changes
// nothing.
//
// It needs every shard of the map and the locks of a mover: it returns ErrBusy when one is
// at work. It may be killed anywhere and run again. Rows of buckets that a shard does not
// own are moved to its table scalestack.set_aside, and none is deleted.
//
// When buckets are left that nobody owns, it returns a *RefusedError after everything else
// was done, and the buckets in Undecided.
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
		// After the changes: a client with an old map may have written until then.
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

// survey asks every shard of a fleet, which nobody but writers changes meanwhile.
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
	// The file is in the data folder, and components/postgres writes it.
	selectRestores = "SELECT coalesce(pg_read_file('scalestack.restores', 0, 1048576, true), '')"
	hasReconciled  = "SELECT to_regclass('scalestack.reconciled') IS NOT NULL"
)

func readReport(ctx context.Context, s *session) (r report, err error) {
	r.shard = s.shard.ID
	if r.holdings, err = readHoldings(ctx, s); err != nil {
		return r, err
	}
	if r.moves, err = unfinished(ctx, s, s.shard.ID); err != nil {
		return r, err
	}
	var names string
	if err := s.QueryRow(ctx, selectRestores).Scan(&names); err != nil {
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

// requireSound refuses to work on shards of which one was restored: a move that was under
// way at that moment may have ended since.
func (m *Mover) requireSound(ctx context.Context, f *fleet) error {
	j, err := m.survey(ctx, f, nil)
	if err != nil {
		return err
	}
	var errs []error
	for _, group := range groups(j.unsound()) {
		// Whoever asks for the assignment says this in other words.
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

// check refuses a map that lacks a shard that has buckets, and buckets that are not a
// person's to give.
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

// apply does everything in an order in which no bucket has two owners in between, and
// after each step of which the next run finds what is left.
func (r *reconciling) apply(ctx context.Context) error {
	if err := r.dropStreams(ctx); err != nil {
		return err
	}
	drops, claims := r.writes()
	for _, s := range r.f.inOrder() {
		if err := r.giveWay(ctx, s, drops[s.shard.ID]); err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
	}
	for _, s := range r.f.inOrder() {
		if err := r.settle(ctx, s, claims[s.shard.ID]); err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
	}
	// Last: until then every run knows which shards were restored.
	for _, report := range r.reports {
		s := r.f.sessions[report.shard]
		if err := r.note(ctx, s, report.restores); err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
	}
	return nil
}

func (r *reconciling) step(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.Mover.options.Log.Info("reconciled", "step", text)
	r.options.OnStep(text)
}

const (
	setOwner = `
		UPDATE scalestack.ownership SET state = 'moved', epoch = given.epoch, owner = given.owner, fenced_until = NULL, changed_at = now()
		FROM unnest($1::integer[], $2::bigint[], $3::integer[]) AS given(bucket, epoch, owner) WHERE ownership.bucket = given.bucket`

	setOwned = `
		INSERT INTO scalestack.ownership AS o (bucket, state, epoch, owner)
		SELECT bucket, 'owned', epoch, owner FROM unnest($1::integer[], $2::bigint[], $3::integer[]) AS given(bucket, epoch, owner)
		ON CONFLICT (bucket) DO UPDATE SET state = 'owned', epoch = excluded.epoch, owner = excluded.owner, fenced_until = NULL, changed_at = now()`
)

// columns are what the statements on the ownership take.
func columns(list []write) (buckets []int32, epochs []int64, owners []int) {
	for _, w := range list {
		buckets, epochs, owners = append(buckets, w.bucket), append(epochs, w.epoch), append(owners, w.owner)
	}
	return buckets, epochs, owners
}

// giveWay makes a shard refer to the later owner. It waits for writers that do not know.
func (r *reconciling) giveWay(ctx context.Context, s *session, drops []write) error {
	if drops == nil {
		return nil
	}
	buckets, epochs, owners := columns(drops)
	return r.change(ctx, s, "gave way", func(tx pgx.Tx) error {
		if err := r.lockBuckets(ctx, tx, buckets); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, setOwner, buckets, epochs, owners); err != nil {
			return err
		}
		return r.skipValues(ctx, tx, s.shard.ID, false)
	})
}

// settle writes in one transaction what a shard keeps and which of its moves are over.
func (r *reconciling) settle(ctx context.Context, s *session, claims []write) error {
	ends := slices.DeleteFunc(slices.Clone(r.ends), func(mv *Move) bool { return mv.Source != s.shard.ID })
	if claims == nil && len(ends) == 0 {
		return nil
	}
	buckets, epochs, owners := columns(claims)
	return r.change(ctx, s, "has its buckets", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, setOwned, buckets, epochs, owners); err != nil {
			return err
		}
		for _, mv := range ends {
			over := *mv
			over.Reason = "reconciled after a restore, when it was " + string(mv.State)
			if err := advance(ctx, tx, &over, Aborted); err != nil {
				return err
			}
		}
		return r.skipValues(ctx, tx, s.shard.ID, false)
	})
}

// note writes that a shard's restores are dealt with.
func (r *reconciling) note(ctx context.Context, s *session, restores []string) error {
	if len(restores) == 0 {
		return nil
	}
	return r.change(ctx, s, "has dealt with "+strings.Join(restores, ", "), func(tx pgx.Tx) error {
		if err := r.skipValues(ctx, tx, s.shard.ID, true); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO scalestack.reconciled (restore) SELECT unnest($1::text[])", restores)
		return err
	})
}

// skipValues moves the sequences of a restored shard on, once: where the shard says that
// it was restored together with the note that this is dealt with, otherwise with the first
// change, after which nothing shows it any more.
func (r *reconciling) skipValues(ctx context.Context, tx pgx.Tx, shard int, noted bool) error {
	if noted != r.named(shard) || r.skipped[shard] {
		return nil
	}
	for _, q := range r.next[shard] {
		if err := q.restart(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// change is one transaction of a shard, which waits for whoever is in its way.
func (r *reconciling) change(ctx context.Context, s *session, what string, do func(pgx.Tx) error) error {
	if err := locks.Retry(ctx, s.Conn, r.Mover.options.Log, do); err != nil {
		return err
	}
	r.skipped[s.shard.ID] = r.skipped[s.shard.ID] || !r.named(s.shard.ID)
	r.step("%s %s", s.shard.Name, what)
	return nil
}
