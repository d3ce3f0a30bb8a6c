// Package accounts is a small sharded service for the tests of the engine: a
// table with one row per user, one with several, and a store that uses both.
package accounts

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/router"
)

//go:embed sql/*.sql
var files embed.FS

// Table is the table with one row per user.
const Table = "accounts"

// Schema returns the migrations of both tables.
func Schema() migrate.Schema {
	steps, err := fs.Sub(files, "sql")
	if err != nil {
		panic(err) // The folder is part of the binary.
	}
	return migrate.Schema{Files: steps, Table: "public.accounts_schema_version"}
}

// Profile is what a client writes.
type Profile struct{ Name, Email string }

// Account is one row.
type Account struct {
	ID          int64
	Name, Email string
	// Version counts the writes, from 1.
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

const (
	selectAccount = `
		SELECT a.name, a.email, a.version, a.created_at, a.updated_at
		FROM scalestack.readable($1) LEFT JOIN accounts AS a ON a.user_id = $1`
	upsertAccount = `
		WITH stored AS (
			INSERT INTO accounts AS a (user_id, name, email) VALUES ($1, $2, $3)
			ON CONFLICT (user_id) DO UPDATE SET
				name = excluded.name, email = excluded.email, version = a.version + 1, updated_at = now()
			RETURNING a.*), noted AS (
			INSERT INTO notes (user_id, version, name) SELECT user_id, version, name FROM stored)
		SELECT version, created_at, updated_at FROM stored`
)

// Store keeps accounts in the shards.
type Store struct{ router *router.Router }

// NewStore returns a Store on the router's shards.
func NewStore(r *router.Router) *Store { return &Store{router: r} }

// Get returns the account, nil if there is none, and the shard that was asked.
func (s *Store) Get(ctx context.Context, id int64) (account *Account, shard string, err error) {
	shard, err = s.router.Read(ctx, id, func(ctx context.Context, conn *pgxpool.Conn) error {
		var name, email pgtype.Text
		var version pgtype.Int8
		var created, updated pgtype.Timestamptz
		err := conn.QueryRow(ctx, selectAccount, id).Scan(&name, &email, &version, &created, &updated)
		account = nil
		if err == nil && version.Valid {
			account = &Account{ID: id, Name: name.String, Email: email.String, Version: version.Int64,
				CreatedAt: created.Time, UpdatedAt: updated.Time}
		}
		return err
	})
	return account, shard, err
}

// Put creates the account or replaces its profile, and adds a note.
func (s *Store) Put(ctx context.Context, id int64, p Profile) (account *Account, shard string, err error) {
	account = &Account{ID: id, Name: p.Name, Email: p.Email}
	shard, err = s.router.Write(ctx, id, func(ctx context.Context, w *router.Writer) error {
		return w.QueryRow(ctx, upsertAccount, id, p.Name, p.Email).Scan(&account.Version, &account.CreatedAt, &account.UpdatedAt)
	})
	if err != nil {
		return nil, shard, err
	}
	return account, shard, nil
}
