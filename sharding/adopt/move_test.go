package adopt_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/history"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

const shoppers = 4

// shop keeps what was acknowledged, as lines that are compared with the tables.
type shop struct {
	mu    sync.Mutex
	rows  map[string]bool
	lines int
}

func (s *shop) note(add, remove []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range remove {
		delete(s.rows, row)
	}
	for _, row := range add {
		s.rows[row] = true
	}
	s.lines += len(add) + len(remove)
}

// shopper places, changes and cancels orders of customers of its own.
type shopper struct {
	shop   *shop
	router *router.Router
	random *rand.Rand
	// customers are this shopper's, with the number and note of each order.
	customers []int64
	orders    map[int64]map[int64]string
}

func (s *shopper) register(ctx context.Context, customer int64) error {
	_, err := s.router.Write(ctx, customer, func(ctx context.Context, w *router.Writer) error {
		return pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO customers (id, name) VALUES ($1, $2)", customer, fmt.Sprint("Customer ", customer))
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "INSERT INTO addresses VALUES ($1, 'home', 'Main Street'), ($1, 'work', 'Market Square')", customer)
			return err
		})
	})
	if err == nil {
		s.customers, s.orders[customer] = append(s.customers, customer), map[int64]string{}
		s.shop.note([]string{fmt.Sprintf("customer %d", customer), fmt.Sprintf("address %d home", customer), fmt.Sprintf("address %d work", customer)}, nil)
	}
	return err
}

func order(customer, number int64, note string) string {
	return fmt.Sprintf("order %d %d %s", customer, number, note)
}

func items(customer, number int64) []string {
	return []string{fmt.Sprintf("item %d %d 1 7.00", customer, number), fmt.Sprintf("item %d %d 2 9.00", customer, number)}
}

func (s *shopper) place(ctx context.Context, customer int64) error {
	var number int64
	_, err := s.router.Write(ctx, customer, func(ctx context.Context, w *router.Writer) error {
		return pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
			if err := tx.QueryRow(ctx, "INSERT INTO orders (customer_id, ship_to, note) VALUES ($1, 'work', 'new') RETURNING number", customer).Scan(&number); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "INSERT INTO order_items VALUES ($1, $2, 1, 'pen', 3.5, 2), ($1, $2, 2, 'ink', 9, 1)", customer, number)
			return err
		})
	})
	if err == nil {
		s.orders[customer][number] = "new"
		s.shop.note(append(items(customer, number), order(customer, number, "new")), nil)
	}
	return err
}

// change also proves that a statement that finds its row on the owner finds it.
func (s *shopper) change(ctx context.Context, customer, number int64, n int) error {
	note := fmt.Sprint("change ", n)
	_, err := s.router.Write(ctx, customer, func(ctx context.Context, w *router.Writer) error {
		tag, err := w.Exec(ctx, "UPDATE orders SET note = $3 WHERE customer_id = $1 AND number = $2", customer, number, note)
		if err == nil && tag.RowsAffected() != 1 {
			err = fmt.Errorf("an order of customer %d was not found", customer)
		}
		return err
	})
	if err == nil {
		s.shop.note([]string{order(customer, number, note)}, []string{order(customer, number, s.orders[customer][number])})
		s.orders[customer][number] = note
	}
	return err
}

// cancel deletes by the foreign key what belongs to the order.
func (s *shopper) cancel(ctx context.Context, customer, number int64) error {
	_, err := s.router.Write(ctx, customer, func(ctx context.Context, w *router.Writer) error {
		tag, err := w.Exec(ctx, "DELETE FROM orders WHERE customer_id = $1 AND number = $2", customer, number)
		if err == nil && tag.RowsAffected() != 1 {
			err = fmt.Errorf("an order of customer %d was not found", customer)
		}
		return err
	})
	if err == nil {
		s.shop.note(nil, append(items(customer, number), order(customer, number, s.orders[customer][number])))
		delete(s.orders[customer], number)
	}
	return err
}

func (s *shopper) work(ctx context.Context, first int64) error {
	for n := 0; ctx.Err() == nil; n++ {
		time.Sleep(time.Millisecond)
		if n%7 == 0 {
			if err := s.register(context.Background(), first+int64(n)*shoppers); err != nil {
				return err
			}
			continue
		}
		customer := s.customers[s.random.IntN(len(s.customers))]
		var number int64
		for number = range s.orders[customer] {
			break
		}
		var err error
		switch {
		case number == 0 || n%3 == 0:
			err = s.place(context.Background(), customer)
		case n%5 == 0:
			err = s.cancel(context.Background(), customer, number)
		default:
			err = s.change(context.Background(), customer, number, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const everyRow = `
	SELECT 'customer ' || id FROM customers WHERE scalestack.owned(id)
	UNION ALL SELECT concat_ws(' ', 'address', customer_id, kind) FROM addresses WHERE scalestack.owned(customer_id)
	UNION ALL SELECT concat_ws(' ', 'order', customer_id, number, note) FROM orders WHERE scalestack.owned(customer_id)
	UNION ALL SELECT concat_ws(' ', 'item', customer_id, number, line, amount) FROM order_items WHERE scalestack.owned(customer_id)`

// A schema of four tables goes from two shards to three and back while it is
// written; every row is compared, and nothing is left behind.
func TestOrdersMoveUnderLoad(t *testing.T) {
	shards := start(t, 3)
	require.NoError(t, run(t, shards, nil))
	s := &shop{rows: map[string]bool{}}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	errs := make([]error, shoppers)
	var working sync.WaitGroup
	for n := range shoppers {
		one := &shopper{shop: s, router: shardtest.Router(t, shards), random: rand.New(rand.NewPCG(1, uint64(n))), orders: map[int64]map[int64]string{}}
		working.Go(func() { errs[n] = one.work(ctx, int64(n)-500) })
	}
	for _, drain := range [][]int{nil, {2}} {
		time.Sleep(time.Second)
		assignment, err := shardmap.Desired(shardmap.Spec{Buckets: 60, InitialShards: 2, Shards: 3, Drain: drain})
		require.NoError(t, err)
		next := *shards.Map
		next.Assignment = assignment
		require.NoError(t, reshard.New(reshard.Options{Map: &next, Connect: shards.Admin.As("test").ConnConfig, Batch: 10,
			Observe: 100 * time.Millisecond, Patience: time.Minute, Log: slog.New(slog.DiscardHandler)}).Run(t.Context()))
	}
	stop()
	working.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}

	var found []string
	for id, server := range shards.Servers {
		conn := server.Admin(pgtest.Database(id))
		defer conn.Close(context.Background())
		rows, err := conn.Query(t.Context(), everyRow)
		require.NoError(t, err)
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		found = append(found, list...)
		left, err := history.Shard{ID: id, Conn: conn}.Strays(t.Context())
		require.NoError(t, err)
		require.Empty(t, left)
		traces, err := history.Shard{ID: id, Conn: conn}.Traces(t.Context())
		require.NoError(t, err)
		require.Empty(t, traces)
	}
	slices.Sort(found)
	var want []string
	for row := range s.rows {
		want = append(want, row)
	}
	slices.Sort(want)
	require.Equal(t, strings.Join(want, "\n"), strings.Join(found, "\n"))
	require.Greater(t, len(want), 500)
	t.Logf("%d rows compared, %d were written or deleted meanwhile", len(want), s.lines)
}
