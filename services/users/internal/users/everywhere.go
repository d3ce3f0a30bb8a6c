package users

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/scalestack/scalestack/sharding/router"
)

// Everywhere answers questions about users on any shard, even while buckets move. With
// a *router.PartialError it returns what the other shards answered.
type Everywhere struct {
	Router *router.Router
	// PerShard bounds the wait for one shard.
	PerShard time.Duration
}

// found is a row that some shard returned.
type found struct {
	UserID               int64
	Name, Email          string
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

const columns = "user_id, name, email, version, created_at, updated_at"

// Count returns the number of users.
func (e Everywhere) Count(ctx context.Context) (int64, error) {
	counts, err := router.FanOut(ctx, e.Router, e.PerShard,
		router.Scalar[int64]("SELECT count(*) FROM users WHERE deleted_at IS NULL AND "+e.Router.Owned("user_id")))
	return router.Sum(counts), err
}

// ByEmail returns the users with an e-mail address. No index has it: writes would
// pay for what a person asks now and then.
func (e Everywhere) ByEmail(ctx context.Context, email string) ([]User, error) {
	results, err := router.FanOut(ctx, e.Router, e.PerShard,
		router.Select[found]("SELECT "+columns+" FROM users WHERE email = $1 AND deleted_at IS NULL AND scalestack.owned(user_id)", email))
	return users(router.Concat(results)), err
}

// Newest returns the n users that were created last.
func (e Everywhere) Newest(ctx context.Context, n int) ([]User, error) {
	results, err := router.FanOut(ctx, e.Router, e.PerShard, router.Select[found](fmt.Sprintf(
		"SELECT %s FROM users WHERE deleted_at IS NULL AND %s ORDER BY created_at DESC, user_id LIMIT $1", columns, e.Router.Owned("user_id")), n))
	return users(router.Top(results, n, func(a, b found) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.UserID, b.UserID))
	})), err
}

func users(rows []found) []User {
	list := make([]User, len(rows))
	for i, row := range rows {
		list[i] = User{ID: row.UserID, Name: row.Name, Email: row.Email, Version: row.Version,
			CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC()}
	}
	return list
}
