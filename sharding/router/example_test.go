package router_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

type user struct {
	UserID int64
	Email  string
	Orders int
}

// open is what a service does at its start.
func open(ctx context.Context) *router.Router {
	shards, err := router.New(router.Options{Application: "billing", Pool: 5})
	if err != nil {
		log.Fatal(err)
	}
	// The map's file changes when shards come and go.
	go shards.Follow(ctx, 2*time.Second)
	return shards
}

// One statement on one user follows the user through a move.
func ExampleRouter_Write() {
	ctx := context.Background()
	shards := open(ctx)
	defer shards.Close()
	_, err := shards.Write(ctx, 4711, func(ctx context.Context, w *router.Writer) error {
		_, err := w.Exec(ctx, "UPDATE users SET email = $2 WHERE user_id = $1", 4711, "ada@example.com")
		return err
	})
	var unavailable *router.UnavailableError
	if errors.As(err, &unavailable) && unavailable.Unknown {
		log.Print("it may have been written: ask before trying again")
	}
}

// A count over all shards, with what could be counted when a shard is down.
func ExampleFanOut() {
	ctx := context.Background()
	shards := open(ctx)
	defer shards.Close()
	counts, err := router.FanOut(ctx, shards, time.Second,
		router.Scalar[int64]("SELECT count(*) FROM users WHERE "+shards.Owned("user_id")))
	var partial *router.PartialError
	if errors.As(err, &partial) {
		log.Printf("at least, without %d shards: %v", len(partial.Failures), err)
	}
	log.Print(router.Sum(counts))
}

// A search by something else than the user's id, with an index on it.
func ExampleSelect() {
	ctx := context.Background()
	shards := open(ctx)
	defer shards.Close()
	found, err := router.FanOut(ctx, shards, time.Second, router.Select[user](
		"SELECT user_id, email, orders FROM users WHERE email = $1 AND scalestack.owned(user_id)", "ada@example.com"))
	if err != nil {
		log.Fatal(err)
	}
	log.Print(router.Concat(found))
}

func ExampleTop() {
	descending := func(a, b user) int {
		return cmp.Or(cmp.Compare(b.Orders, a.Orders), cmp.Compare(a.UserID, b.UserID))
	}
	// Each shard: SELECT … ORDER BY orders DESC, user_id LIMIT 3
	results := []router.Result[[]user]{
		{Shard: shardmap.Shard{ID: 0}, Value: []user{{4, "d@example.com", 90}, {8, "h@example.com", 20}}},
		{Shard: shardmap.Shard{ID: 1}, Value: []user{{1, "a@example.com", 70}, {5, "e@example.com", 60}, {9, "i@example.com", 60}}},
		{Shard: shardmap.Shard{ID: 2}},
	}
	for _, u := range router.Top(results, 3, descending) {
		fmt.Println(u.UserID, u.Orders)
	}
	// Output:
	// 4 90
	// 1 70
	// 5 60
}

func ExampleSum() {
	fmt.Println(router.Sum([]router.Result[int64]{{Value: 40}, {Value: 2}}))
	// Output: 42
}

func ExamplePartialError() {
	err := error(&router.PartialError{Asked: 6, Missing: make([]int, 160),
		Failures: []router.ShardError{{Shard: "shard-4", Err: context.DeadlineExceeded}}})
	fmt.Println(err)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output:
	// 1 of 6 shards gave no answer, 160 buckets are missing; shard-4: context deadline exceeded
	// true
}
