package users

import (
	"context"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/router"
)

const (
	// One row comes back in any case; its user is NULL when there is none. A
	// shard that does not own the user refuses rather than find nothing.
	selectUser = `
		SELECT scalestack.require_readable(wanted.user_id), u.name, u.email, u.version, u.created_at, u.updated_at
		FROM (SELECT $1::bigint AS user_id) AS wanted LEFT JOIN users AS u USING (user_id)`
	upsertUser = `
		INSERT INTO users AS u (user_id, name, email) VALUES ($1, $2, $3)
		ON CONFLICT (user_id) DO UPDATE
		SET name = excluded.name, email = excluded.email, version = u.version + 1, updated_at = now()
		RETURNING version, created_at, updated_at`
)

// Store keeps users in the shards.
type Store struct{ router *router.Router }

// NewStore returns a Store on the router's shards.
func NewStore(r *router.Router) *Store { return &Store{router: r} }

// ShardOf returns the name of the shard that the map gives to the user.
func (s *Store) ShardOf(id int64) string { return s.router.Map().ShardOf(id).Name }

// Get returns the user, or nil when there is none, and the shard that was asked.
func (s *Store) Get(ctx context.Context, id int64) (user *User, shard string, err error) {
	shard, err = s.router.Read(ctx, id, func(ctx context.Context, conn *pgxpool.Conn) error {
		var name, email pgtype.Text
		var version pgtype.Int8
		var created, updated pgtype.Timestamptz
		err := conn.QueryRow(ctx, selectUser, id).Scan(nil, &name, &email, &version, &created, &updated)
		if err != nil || !version.Valid {
			user = nil
			return err
		}
		user = &User{ID: id, Name: name.String, Email: email.String, Version: version.Int64,
			CreatedAt: created.Time.UTC(), UpdatedAt: updated.Time.UTC()}
		return nil
	})
	return user, shard, err
}

// Put creates the user or replaces its profile.
func (s *Store) Put(ctx context.Context, id int64, p Profile) (user *User, shard string, err error) {
	user = &User{ID: id, Name: p.Name, Email: p.Email}
	shard, err = s.router.Write(ctx, id, func(ctx context.Context, conn *pgxpool.Conn) error {
		return conn.QueryRow(ctx, upsertUser, id, p.Name, p.Email).Scan(&user.Version, &user.CreatedAt, &user.UpdatedAt)
	})
	if err != nil {
		return nil, shard, err
	}
	user.CreatedAt, user.UpdatedAt = user.CreatedAt.UTC(), user.UpdatedAt.UTC()
	return user, shard, nil
}
