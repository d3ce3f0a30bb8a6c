package users

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/scalestack/scalestack/sharding/router"
)

const (
	insertUser = `
		WITH stored AS (
			INSERT INTO users (user_id, name, email, request_hash, events) VALUES ($1, $2, $3, $6, 1)
			ON CONFLICT (user_id) DO NOTHING
			RETURNING *)` + noteUser
	selectRequest = `
		SELECT scalestack.require_readable(wanted.user_id), u.user_id IS NOT NULL, coalesce(u.name, ''), coalesce(u.email, ''),
			coalesce(u.version, 0), coalesce(u.created_at, now()), coalesce(u.updated_at, now())
		FROM (SELECT $1::bigint AS user_id) AS wanted LEFT JOIN users AS u ON u.user_id = wanted.user_id AND u.request_hash = $2`
)

// idBits are those of an id that we choose. Every JSON reader holds such a
// number exactly, and among a hundred million users one of a hundred million
// new ids is taken already.
const idBits = 53

// newIDAttempts is far more than ever needed: each fails with that probability.
const newIDAttempts = 4

// ErrKeyUsed says that another registration came with the same key before: one
// with another profile, or of a user that is deleted.
var ErrKeyUsed = errors.New("the key belongs to another registration")

// request is a registration that can be told from others.
type request struct {
	id int64
	// hash is NULL without a key.
	hash pgtype.UUID
}

// newRequest chooses the id. With a key, the same one every time: a repeated
// request then finds the shard and the row of the first without anybody keeping
// a list of keys.
func newRequest(p Profile, key string) request {
	if key == "" {
		var random [8]byte
		_, _ = rand.Read(random[:]) // never fails
		return request{id: idFrom(random[:])}
	}
	place := sha256.Sum256([]byte("id\x00" + key))
	whole := sha256.Sum256(fmt.Appendf(nil, "request\x00%q %q %q", key, p.Name, p.Email))
	return request{id: idFrom(place[:]), hash: pgtype.UUID{Bytes: uuid.UUID(whole[:16]), Valid: true}}
}

func idFrom(random []byte) int64 { return int64(binary.BigEndian.Uint64(random) >> (64 - idBits)) }

// Create makes a new user under an id that the store chooses. With a key, a repeated
// request returns the user that the first one made, as it is now.
func (s *Store) Create(ctx context.Context, p Profile, key string) (user *User, shard string, err error) {
	for range newIDAttempts {
		user, shard, err = s.create(ctx, p, newRequest(p, key))
		if key != "" || !errors.Is(err, ErrKeyUsed) {
			return user, shard, err
		}
	}
	return nil, shard, fmt.Errorf("no free id in %d attempts", newIDAttempts)
}

// create returns ErrKeyUsed when the id belongs to another user.
func (s *Store) create(ctx context.Context, p Profile, r request) (user *User, shard string, err error) {
	shard, err = s.write(ctx, r.id, func(ctx context.Context, conn *router.Writer) error {
		user = &User{ID: r.id, Name: p.Name, Email: p.Email}
		err := user.scan(conn.QueryRow(ctx, insertUser, r.id, p.Name, p.Email, s.options.Events, trace(ctx), r.hash))
		if errors.Is(err, pgx.ErrNoRows) {
			return user.find(ctx, conn, r)
		}
		return err
	})
	if errors.Is(err, ErrKeyUsed) {
		return nil, shard, ErrKeyUsed
	}
	if err != nil {
		return nil, shard, err
	}
	return user, shard, nil
}

// find reads the user that an earlier request with the same hash has made.
func (u *User) find(ctx context.Context, conn *router.Writer, r request) error {
	err := conn.QueryRow(ctx, selectRequest, r.id, r.hash).
		Scan(nil, &u.Created, &u.Name, &u.Email, &u.Version, &u.CreatedAt, &u.UpdatedAt)
	if err == nil && !u.Created {
		return ErrKeyUsed
	}
	u.CreatedAt, u.UpdatedAt = u.CreatedAt.UTC(), u.UpdatedAt.UTC()
	return err
}
