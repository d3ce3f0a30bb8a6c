package reshard_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

type row struct {
	UserID int64
	Email  string
}

// questions repeats questions to all shards until the context ends. Of the
// existing users nobody is added or removed, so every answer is known.
func questions(ctx context.Context, r *router.Router, existing int) (asked int, naive []int64, err error) {
	for ; ctx.Err() == nil; asked++ {
		ids := fmt.Sprintf("user_id BETWEEN %d AND %d AND ", -existing/2, existing/2-1)
		counts, err := router.FanOut(context.Background(), r, 3*time.Second, router.Scalar[int64]("SELECT count(*) FROM accounts WHERE "+ids+r.Owned("user_id")))
		if err != nil || router.Sum(counts) != int64(existing) {
			return asked, naive, fmt.Errorf("%d of %d users counted: %w", router.Sum(counts), existing, err)
		}
		all, err := router.FanOut(context.Background(), r, 3*time.Second, router.Scalar[int64]("SELECT count(*) FROM accounts WHERE "+ids+"true"))
		if err != nil {
			return asked, naive, err
		}
		naive = append(naive, router.Sum(all))
		wanted := int64(asked % (existing / 2))
		found, err := router.FanOut(context.Background(), r, 3*time.Second, router.Select[row](
			"SELECT user_id, email FROM accounts WHERE email = $1 AND scalestack.owned(user_id)", fmt.Sprintf("%d@example.com", wanted)))
		if rows := router.Concat(found); err != nil || len(rows) != 1 || rows[0].UserID != wanted {
			return asked, naive, fmt.Errorf("user %d: found %v: %w", wanted, rows, err)
		}
		first, err := router.FanOut(context.Background(), r, 3*time.Second, router.Select[row](
			"SELECT user_id, email FROM accounts WHERE scalestack.owned(user_id) ORDER BY user_id LIMIT 5"))
		top := router.Top(first, 5, func(a, b row) int { return cmp.Compare(a.UserID, b.UserID) })
		for i := range 5 {
			if err != nil || top[i].UserID != int64(-existing/2+i) {
				return asked, naive, fmt.Errorf("first users %v: %w", top, err)
			}
		}
	}
	return asked, naive, nil
}

// growing adds users and counts them, from two sides.
type growing struct {
	first               int64
	acknowledged, begun atomic.Int64
}

func (g *growing) add(ctx context.Context, store *accounts.Store) error {
	for id := g.first; ctx.Err() == nil; id++ {
		g.begun.Add(1)
		if _, _, err := store.Put(context.Background(), id, accounts.Profile{Name: "New", Email: "new@example.com"}); err != nil {
			return err
		}
		g.acknowledged.Add(1)
	}
	return nil
}

// count sees at least what was acknowledged before, and nothing that was not begun.
func (g *growing) count(ctx context.Context, r *router.Router) error {
	ask := router.Scalar[int64](fmt.Sprintf("SELECT count(*) FROM accounts WHERE user_id >= %d AND %s", g.first, r.Owned("user_id")))
	for ctx.Err() == nil {
		least := g.acknowledged.Load()
		counts, err := router.FanOut(context.Background(), r, 3*time.Second, ask)
		if n := router.Sum(counts); err != nil || n < least || n > g.begun.Load() {
			return fmt.Errorf("%d users counted, %d acknowledged before, %d begun: %w", n, least, g.begun.Load(), err)
		}
	}
	return nil
}

// While buckets go back and forth, every question to all shards sees every user
// exactly once, and every user that was acknowledged before it.
func TestFanOutWhileBucketsMove(t *testing.T) {
	const existing, flips = 4_000, 4
	c := startCluster(t, 3, existing)
	for id, server := range c.Servers {
		server.Exec(pgtest.Database(id), "CREATE INDEX by_email ON accounts (email)")
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, g := c.routerOn(c.App), &growing{first: existing}
	var asked int
	var naive []int64
	var all errgroup.Group
	all.Go(func() error { return g.add(ctx, c.store()) })
	all.Go(func() error { return g.count(ctx, r) })
	all.Go(func() (err error) { asked, naive, err = questions(ctx, r, existing); return err })
	for n := range flips {
		o := c.options(c.flip(n))
		o.Batch = 2
		require.NoError(t, c.run(o))
	}
	stop()
	require.NoError(t, all.Wait())
	c.requireClean()
	wrong := len(slices.DeleteFunc(naive, func(n int64) bool { return n == existing }))
	t.Logf("%d rounds of questions, %d users added meanwhile; without the condition %d counts were wrong", asked, g.acknowledged.Load(), wrong)
	require.Positive(t, wrong, "the moves left nothing to be wrong about")
}
