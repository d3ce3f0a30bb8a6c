// Package adopt puts tables of any schema behind the fence, on every shard of a map: it
// checks that they can be moved, adds the triggers, and makes their sequences yield
// values that no other shard yields.
package adopt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/catalog"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/locks"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Options say what to adopt. All are required except Unguarded.
type Options struct {
	Map *shardmap.Map
	// Connect returns the settings of a connection as owner.Mover.
	Connect func(shard *shardmap.Shard) (*pgx.ConnConfig, error)
	// Tables lists the tables to adopt. Tables that refer to each other must be adopted
	// together.
	Tables []catalog.Candidate
	// Unguarded allows an UPDATE or DELETE in a transaction that holds no key.
	Unguarded bool
	Log       *slog.Logger
}

// RefusedError says why tables cannot be sharded as they are. Nothing was changed.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return "refused, and nothing was changed: " + e.Err.Error() }

// Unwrap returns the reasons.
func (e *RefusedError) Unwrap() error { return e.Err }

// gap is how far above every existing value an aligned sequence starts: writers on
// other shards may still draw old values until their sequence is aligned too.
const gap = 1 << 20

// session is a connection to a shard.
type session struct {
	*pgx.Conn
	shard *shardmap.Shard
	// moving lists the buckets of unfinished moves from or to the shard.
	moving []int32
}

// Run checks all shards first, and returns a *RefusedError with every problem on every
// shard. Running it again changes only what is not in order.
func Run(ctx context.Context, o Options) error {
	var sessions []*session
	defer func() {
		for _, s := range sessions {
			_ = s.Close(context.WithoutCancel(ctx))
		}
	}()
	for i := range o.Map.Shards {
		s, err := o.open(ctx, &o.Map.Shards[i])
		if err != nil {
			return err
		}
		sessions = append(sessions, s)
	}
	if err := o.check(ctx, sessions); err != nil {
		return err
	}
	highest, err := o.highest(ctx, sessions)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if err := o.apply(ctx, s, highest); err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
	}
	return o.verify(ctx, sessions)
}

// open connects and locks out movers and migrations until the session ends.
func (o Options) open(ctx context.Context, shard *shardmap.Shard) (*session, error) {
	config, err := o.Connect(shard)
	if err != nil {
		return nil, err
	}
	maps.Copy(config.RuntimeParams, locks.Settings)
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shard.Name, err)
	}
	s := &session{Conn: conn, shard: shard}
	err = identity.Check(ctx, conn, shard.Name, identity.Of(o.Map, shard))
	if err == nil {
		err = s.lock(ctx)
	}
	if err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return s, nil
}

func (s *session) lock(ctx context.Context) error {
	err := locks.Take(ctx, s.Conn, locks.Migration)
	if err == nil {
		err = locks.Take(ctx, s.Conn, locks.Mover)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.shard.Name, err)
	}
	return nil
}

func (o Options) check(ctx context.Context, sessions []*session) error {
	if err := findMoves(ctx, sessions); err != nil {
		return err
	}
	var problems []error
	for _, s := range sessions {
		found, err := o.problems(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
		for _, text := range found {
			problems = append(problems, fmt.Errorf("%s: %s", s.shard.Name, text))
		}
	}
	if problems != nil {
		return &RefusedError{errors.Join(problems...)}
	}
	return nil
}

func (o Options) problems(ctx context.Context, s *session) (found []string, err error) {
	for _, t := range o.Tables {
		var exists bool
		if err := s.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", t.Table).Scan(&exists); err != nil {
			return nil, err
		}
		if !exists {
			found = append(found, t.Table+": the table does not exist")
		}
	}
	if found != nil {
		return found, nil
	}
	if found, err = catalog.Problems(ctx, s, s.shard.ID, o.Tables, false); err != nil || len(found) > 0 {
		return found, err
	}
	for _, t := range o.Tables {
		text, err := s.strays(ctx, t)
		if err != nil {
			return nil, err
		}
		if text != "" {
			found = append(found, text)
		}
	}
	return found, nil
}

// highest returns the largest value of each column that has a sequence, over all shards.
func (o Options) highest(ctx context.Context, sessions []*session) (map[string]int64, error) {
	highest := map[string]int64{}
	for _, s := range sessions {
		list, err := catalog.Sequences(ctx, s, s.shard.ID, o.Tables)
		if err != nil {
			return nil, err
		}
		for _, q := range list {
			var most int64
			if err := s.QueryRow(ctx, fmt.Sprintf("SELECT coalesce(max(%s), 0) FROM %s", q.Column, q.Table)).Scan(&most); err != nil {
				return nil, fmt.Errorf("%s: %w", s.shard.Name, err)
			}
			highest[q.Name] = max(highest[q.Name], most, q.Last)
		}
	}
	return highest, nil
}

// apply changes each table in a transaction of its own. It waits for the table's
// writers, but nobody waits long behind it.
func (o Options) apply(ctx context.Context, s *session, highest map[string]int64) error {
	for _, t := range o.Tables {
		done, err := o.done(ctx, s, t)
		if err != nil {
			return err
		}
		if done {
			continue
		}
		if err := locks.Retry(ctx, s.Conn, o.Log.With("shard", s.shard.Name, "table", t.Table), func(tx pgx.Tx) error {
			if err := s.align(ctx, tx, t, highest); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "SELECT scalestack.repair_functions()"); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "SELECT scalestack.adopt($1::text::regclass, $2, $3)", t.Table, t.Key, !o.Unguarded)
			return err
		}); err != nil {
			return fmt.Errorf("%s: %w", t.Table, err)
		}
		o.Log.Info("table adopted", "shard", s.shard.Name, "table", t.Table, "key", t.Key, "guarded", !o.Unguarded)
	}
	return nil
}

// done reports whether the table needs no change, so that running again locks nothing.
func (o Options) done(ctx context.Context, s *session, t catalog.Candidate) (bool, error) {
	tables, err := catalog.Tables(ctx, s)
	if err != nil {
		return false, err
	}
	var name string
	if err := s.QueryRow(ctx, "SELECT format('%I.%I', relnamespace::regnamespace, relname) FROM pg_class WHERE oid = to_regclass($1)", t.Table).Scan(&name); err != nil {
		return false, err
	}
	if !slices.ContainsFunc(tables, func(have catalog.Table) bool {
		return have.Name == name && have.Key == t.Key && have.Guarded == !o.Unguarded
	}) {
		return false, nil
	}
	problems, err := catalog.Problems(ctx, s, s.shard.ID, []catalog.Candidate{t}, true)
	return err == nil && len(problems) == 0, err
}

// align gives each shard the values that leave its id as the remainder when divided by
// the stride. RESTART makes sessions drop values they have cached.
func (s *session) align(ctx context.Context, tx pgx.Tx, t catalog.Candidate, highest map[string]int64) error {
	list, err := catalog.Sequences(ctx, tx, s.shard.ID, []catalog.Candidate{t})
	if err != nil {
		return err
	}
	for _, q := range list {
		if q.Aligned {
			continue
		}
		next := ((highest[q.Name]+gap)/catalog.Stride+1)*catalog.Stride + int64(s.shard.ID)
		if _, err := tx.Exec(ctx, fmt.Sprintf("ALTER SEQUENCE %s NO MAXVALUE NO CYCLE INCREMENT BY %d START WITH %d RESTART", q.Name, catalog.Stride, next)); err != nil {
			return err
		}
	}
	return nil
}

// verify judges the result as a move would. It finds rows that were written before the
// fence was in place.
func (o Options) verify(ctx context.Context, sessions []*session) error {
	for _, s := range sessions {
		problems, err := catalog.Problems(ctx, s, s.shard.ID, o.Tables, true)
		if err != nil {
			return fmt.Errorf("%s: %w", s.shard.Name, err)
		}
		for _, t := range o.Tables {
			text, err := s.strays(ctx, t)
			if err != nil {
				return fmt.Errorf("%s: %w", s.shard.Name, err)
			}
			if text != "" {
				problems = append(problems, text)
			}
		}
		for _, text := range problems {
			return fmt.Errorf("%s: %s", s.shard.Name, text)
		}
	}
	return nil
}
