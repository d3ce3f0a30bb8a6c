package page

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var shardName = regexp.MustCompile(`^postgres-shard-(\d+)$`)

// shards keeps a connection to each shard while somebody looks.
type shards struct {
	cluster
	mu    sync.Mutex
	pools map[int]*pgxpool.Pool
}

// holding is what one shard says about itself.
type holding struct {
	Shard
	owned []int
	moves []Move
}

// list finds the shards by their StatefulSets, so that a new one shows at once.
func (s *shards) list(ctx context.Context) ([]Shard, error) {
	sets, err := s.client.AppsV1().StatefulSets(s.namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("shards: %w", err)
	}
	var all []Shard
	for _, set := range sets.Items {
		if match := shardName.FindStringSubmatch(set.Name); match != nil {
			id, _ := strconv.Atoi(match[1])
			all = append(all, Shard{ID: id, Name: set.Name})
		}
	}
	slices.SortFunc(all, func(a, b Shard) int { return a.ID - b.ID })
	return all, nil
}

// holdings asks all shards at once. A shard that does not answer says why.
func (s *shards) holdings(ctx context.Context) ([]holding, error) {
	list, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]holding, len(list))
	var group sync.WaitGroup
	for i, shard := range list {
		group.Go(func() {
			held, err := s.ask(ctx, shard)
			if err != nil {
				s.forget(shard.ID)
				held = holding{Shard: shard}
				held.Error = err.Error()
			}
			all[i] = held
		})
	}
	group.Wait()
	return all, nil
}

func (s *shards) ask(ctx context.Context, shard Shard) (holding, error) {
	h := holding{Shard: shard}
	pool, err := s.pool(ctx, shard)
	if err != nil {
		return h, err
	}
	rows, _ := pool.Query(ctx, "SELECT bucket FROM scalestack.ownership WHERE state IN ('owned', 'fenced')")
	if h.owned, err = pgx.CollectRows(rows, pgx.RowTo[int]); err != nil {
		return h, err
	}
	h.Owned = len(h.owned)
	rows, _ = pool.Query(ctx, `SELECT target, cardinality(buckets), state FROM scalestack.move
		WHERE state NOT IN ('complete', 'aborted', 'rolled back') ORDER BY id`)
	h.moves, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Move, error) {
		m := Move{From: shard.ID}
		return m, row.Scan(&m.To, &m.Buckets, &m.State)
	})
	if err != nil {
		return h, err
	}
	// An estimate: counting a large table each second would be a load of its own.
	return h, pool.QueryRow(ctx, "SELECT n_live_tup FROM pg_stat_user_tables WHERE relid = 'public.users'::regclass").Scan(&h.Users)
}

func (s *shards) pool(ctx context.Context, shard Shard) (*pgxpool.Pool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pool := s.pools[shard.ID]; pool != nil {
		return pool, nil
	}
	config, err := s.config(ctx, shard)
	if err != nil {
		return nil, err
	}
	// The pool outlives the question that opens it.
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, err
	}
	s.pools[shard.ID] = pool
	return pool, nil
}

func (s *shards) config(ctx context.Context, shard Shard) (*pgxpool.Config, error) {
	service, err := s.client.CoreV1().Services(s.namespace).Get(ctx, shard.Name, meta.GetOptions{})
	if err != nil {
		return nil, err
	}
	secret, err := s.client.CoreV1().Secrets(s.namespace).Get(ctx, shard.Name+"-admin", meta.GetOptions{})
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(fmt.Sprintf("postgres://scalestack_mover@%s/shard_%d_db?sslmode=disable&pool_max_conns=1&application_name=lab-page",
		net.JoinHostPort(service.Spec.ClusterIP, "5432"), shard.ID))
	if err != nil {
		return nil, err
	}
	config.ConnConfig.Password = string(secret.Data["mover-password"])
	return config, nil
}

// forget lets the next question find address and password anew.
func (s *shards) forget(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pool := s.pools[id]; pool != nil {
		go pool.Close()
		delete(s.pools, id)
	}
}

// close ends the connections when nobody looks any more.
func (s *shards) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, pool := range s.pools {
		pool.Close()
		delete(s.pools, id)
	}
}

// assignment puts the shards' answers together.
func assignment(all []holding) (list []Shard, buckets []int, moves []Move) {
	list, buckets, moves = []Shard{}, []int{}, []Move{}
	for _, h := range all {
		list = append(list, h.Shard)
		moves = append(moves, h.moves...)
		for _, bucket := range h.owned {
			for len(buckets) <= bucket {
				buckets = append(buckets, -1)
			}
			buckets[bucket] = h.ID
		}
	}
	return list, buckets, moves
}
