package users

import (
	"context"
	"errors"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/scalestack/scalestack/sharding/router"
)

const (
	// One row comes back in any case; its user is NULL when there is none. A
	// shard that does not own the user refuses rather than find nothing.
	selectUser = `
		SELECT u.name, u.email, u.version, u.created_at, u.updated_at
		FROM scalestack.readable($1) LEFT JOIN users AS u ON u.user_id = $1 AND u.deleted_at IS NULL`

	// noteUser is the rest of a statement whose first part, stored, has written
	// the user: the event lies beside the change, or neither does. $4 says whether
	// anybody reads events, $5 is the trace.
	noteUser = `, noted AS (
			INSERT INTO outbox (user_id, sequence, topic, type, schema, data, traceparent)
			SELECT user_id, events, '` + events.UserTopic + `',
				CASE version WHEN first_version THEN '` + events.UserCreated + `' ELSE '` + events.UserUpdated + `' END, '` + events.UserSchema + `',
				jsonb_build_object('user_id', user_id, 'version', version, 'name', name, 'email', email), $5::text
			FROM stored WHERE $4)
		SELECT version, version = first_version, created_at, updated_at FROM stored`

	upsertUser = `
		WITH stored AS (
			INSERT INTO users AS u (user_id, name, email, events) VALUES ($1, $2, $3, 1)
			ON CONFLICT (user_id) DO UPDATE SET
				name = excluded.name, email = excluded.email, version = u.version + 1, events = u.events + 1,
				first_version = CASE WHEN u.deleted_at IS NULL THEN u.first_version ELSE u.version + 1 END,
				created_at = CASE WHEN u.deleted_at IS NULL THEN u.created_at ELSE now() END,
				updated_at = now(), deleted_at = NULL
			WHERE NOT u.clearing
			RETURNING u.*)` + noteUser

	updateUser = `
		WITH stored AS (
			UPDATE users SET name = $2, email = $3, version = version + 1, events = events + 1, updated_at = now()
			WHERE user_id = $1 AND deleted_at IS NULL
			RETURNING *)` + noteUser
)

// trace is what the outbox keeps of the trace that a change belongs to: nil for none.
func trace(ctx context.Context) any {
	if parent := tracing.Parent(ctx); parent != "" {
		return parent
	}
	return nil
}

// StoreOptions configure a Store.
type StoreOptions struct {
	// Events says whether changes leave an event in the outbox. Without a relay
	// that reads them they would stay there.
	Events bool
	// Log gets news of shards that are down; default none.
	Log *slog.Logger
}

// Store keeps users in the shards.
type Store struct {
	router   *router.Router
	options  StoreOptions
	breakers breakers
}

// NewStore returns a Store on the router's shards.
func NewStore(r *router.Router, o StoreOptions) *Store {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Store{router: r, options: o, breakers: breakers{log: o.Log}}
}

// ShardOf returns the name of the shard that the map gives to the user.
func (s *Store) ShardOf(id int64) string { return s.router.Map().ShardOf(id).Name }

// Get returns the user, or nil if there is none, and the shard that was asked.
func (s *Store) Get(ctx context.Context, id int64) (user *User, shard string, err error) {
	return get(ctx, id, s.read)
}

func get(ctx context.Context, id int64, read route) (user *User, shard string, err error) {
	shard, err = read(ctx, id, func(ctx context.Context, conn *pgxpool.Conn) error {
		var name, email pgtype.Text
		var version pgtype.Int8
		var created, updated pgtype.Timestamptz
		err := conn.QueryRow(ctx, selectUser, id).Scan(&name, &email, &version, &created, &updated)
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

// Put creates the user or replaces its profile, in one statement: one round trip and
// one transaction. A user that was deleted and comes back while its old products are
// still being deleted has to wait for that.
func (s *Store) Put(ctx context.Context, id int64, p Profile) (user *User, shard string, err error) {
	user, shard, err = s.store(ctx, upsertUser, id, p)
	if errors.Is(err, pgx.ErrNoRows) {
		// It is still being cleared.
		if shard, err = s.clear(ctx, id); err == nil {
			user, shard, err = s.store(ctx, upsertUser, id, p)
		}
	}
	return user, shard, err
}

// Update replaces the profile of an existing user, and returns [ErrNoUser] if there is
// none.
func (s *Store) Update(ctx context.Context, id int64, p Profile) (user *User, shard string, err error) {
	user, shard, err = s.store(ctx, updateUser, id, p)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, shard, ErrNoUser
	}
	return user, shard, err
}

// store returns pgx.ErrNoRows where the statement stores nothing.
func (s *Store) store(ctx context.Context, statement string, id int64, p Profile) (user *User, shard string, err error) {
	user = &User{ID: id, Name: p.Name, Email: p.Email}
	shard, err = s.write(ctx, id, func(ctx context.Context, w *router.Writer) error {
		return user.scan(w.QueryRow(ctx, statement, id, p.Name, p.Email, s.options.Events, trace(ctx)))
	})
	if err != nil {
		return nil, shard, err
	}
	return user, shard, nil
}

// scan reads what noteUser returns.
func (u *User) scan(row pgx.Row) error {
	err := row.Scan(&u.Version, &u.Created, &u.CreatedAt, &u.UpdatedAt)
	u.CreatedAt, u.UpdatedAt = u.CreatedAt.UTC(), u.UpdatedAt.UTC()
	return err
}
