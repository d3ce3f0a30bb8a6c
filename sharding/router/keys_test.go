package router_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
)

// Two users of one shard change together or not at all, and a third that was not
// held keeps what it has.
func TestATransactionOnSeveralKeys(t *testing.T) {
	_, r, store := start(t, 2)
	for id := range int64(3) {
		put(t, store, 2*id)
	}
	rename := func(name string, held []int64, named ...int64) error {
		// A key of another shard is looked for as long as there is time.
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := r.Write(ctx, 0, func(ctx context.Context, w *router.Writer) error {
			return pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
				if err := router.Hold(ctx, tx, held...); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, "UPDATE accounts SET name = $1 WHERE user_id = ANY ($2)", name, named)
				return err
			})
		})
		return err
	}
	require.NoError(t, rename("both", []int64{2}, 0, 2))
	var pgErr *pgconn.PgError
	require.ErrorAs(t, rename("three", []int64{2}, 0, 2, 4), &pgErr)
	require.Equal(t, "SS002", pgErr.Code)
	// The time may also end within a statement.
	err := rename("other", []int64{1}, 0)
	require.True(t, router.IsMoved(err) || errors.Is(err, context.DeadlineExceeded), "the user 1 is on the other shard: %v", err)
	for id, name := range map[int64]string{0: "both", 2: "both", 4: "Ada"} {
		user, _, err := store.Get(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, name, user.Name, id)
	}
}
