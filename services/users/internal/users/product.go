package users

import (
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/services/users/internal/events"
)

// Product is something that a user sells. It is on the user's shard.
type Product struct {
	UserID int64  `json:"user_id"`
	SKU    string `json:"sku"`
	Offer
	// Version grows with every change, over a deletion too.
	Version   int64     `json:"version"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Created says that the write which returned this product made it.
	Created bool `json:"-"`
}

// Offer is what a client may set of a product.
type Offer struct {
	// Name as a Profile's.
	Name string `json:"name"`
	// PriceCents is 0 to MaxPriceCents.
	PriceCents int64 `json:"price_cents"`
}

// MaxPriceCents keeps sums of prices far from the limits of 64 bits.
const MaxPriceCents = 1_000_000_000_000

var sku = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ValidSKU accepts 1 to 64 letters, digits, '.', '_' and '-', of which the first
// is a letter or a digit.
func ValidSKU(text string) bool { return sku.MatchString(text) }

// Validate returns every mistake.
func (o Offer) Validate() []Mistake {
	var mistakes []Mistake
	if problem := nameProblem(o.Name); problem != "" {
		mistakes = append(mistakes, Mistake{Field: "name", Problem: problem})
	}
	if o.PriceCents < 0 || o.PriceCents > MaxPriceCents {
		mistakes = append(mistakes, Mistake{Field: "price_cents", Problem: "is not between 0 and 1000000000000"})
	}
	return mistakes
}

// ErrNoUser says that the user that was to be changed, or whose product it was,
// does not exist.
var ErrNoUser = errors.New("there is no such user")

const (
	selectProduct = `
		SELECT scalestack.require_readable(wanted.user_id), p.user_id IS NOT NULL, coalesce(p.name, ''), coalesce(p.price_cents, 0),
			coalesce(p.version, 0), coalesce(p.created_at, now()), coalesce(p.updated_at, now())
		FROM (SELECT $1::bigint AS user_id) AS wanted LEFT JOIN products AS p ON p.user_id = wanted.user_id AND p.sku = $2
			-- Those of a deleted user may not all be gone yet.
			AND EXISTS (SELECT FROM users AS u WHERE u.user_id = p.user_id AND u.deleted_at IS NULL)`

	countEvent = `UPDATE users SET events = events + 1 WHERE user_id = $1 RETURNING events`

	upsertProduct = `
		WITH stored AS (
			INSERT INTO products (user_id, sku, name, price_cents, version) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (user_id, sku) DO UPDATE SET
				name = excluded.name, price_cents = excluded.price_cents, version = excluded.version, updated_at = now()
			RETURNING *
		), before AS (
			SELECT FROM products WHERE user_id = $1 AND sku = $2
		), noted AS (
			INSERT INTO outbox (user_id, sequence, topic, type, schema, data, traceparent)
			SELECT user_id, version, '` + events.ProductTopic + `',
				CASE WHEN EXISTS (SELECT FROM before) THEN '` + events.ProductUpdated + `' ELSE '` + events.ProductCreated + `' END, '` + events.ProductSchema + `',
				jsonb_build_object('user_id', user_id, 'sku', sku, 'version', version, 'name', name, 'price_cents', price_cents), $7::text
			FROM stored WHERE $6)
		SELECT NOT EXISTS (SELECT FROM before), created_at, updated_at FROM stored`

	deleteProduct = `
		WITH gone AS (
			DELETE FROM products WHERE user_id = $1 AND sku = $2 RETURNING user_id, sku
		), noted AS (
			INSERT INTO outbox (user_id, sequence, topic, type, schema, data, traceparent)
			SELECT user_id, $3, '` + events.ProductTopic + `', '` + events.ProductDeleted + `', '` + events.ProductDeletedSchema + `',
				jsonb_build_object('user_id', user_id, 'sku', sku, 'version', $3::bigint), $5::text
			FROM gone WHERE $4)
		SELECT FROM gone`
)

// GetProduct returns a product, or nil when there is none.
func (s *Store) GetProduct(ctx context.Context, id int64, sku string) (p *Product, shard string, err error) {
	shard, err = s.read(ctx, id, func(ctx context.Context, conn *pgxpool.Conn) error {
		p = &Product{UserID: id, SKU: sku}
		var found bool
		err := conn.QueryRow(ctx, selectProduct, id, sku).
			Scan(nil, &found, &p.Name, &p.PriceCents, &p.Version, &p.CreatedAt, &p.UpdatedAt)
		p.utc()
		if err != nil || !found {
			p = nil
		}
		return err
	})
	return p, shard, err
}

// PutProduct creates or replaces a product of a user.
func (s *Store) PutProduct(ctx context.Context, id int64, sku string, o Offer) (p *Product, shard string, err error) {
	p = &Product{UserID: id, SKU: sku, Offer: o}
	shard, err = s.changeProduct(ctx, id, &p.Version, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, upsertProduct, id, sku, o.Name, o.PriceCents, p.Version, s.options.Events, trace(ctx)).Scan(&p.Created, &p.CreatedAt, &p.UpdatedAt)
	})
	if err != nil {
		return nil, shard, err
	}
	p.utc()
	return p, shard, nil
}

// DeleteProduct deletes a product and reports whether there was one.
func (s *Store) DeleteProduct(ctx context.Context, id int64, sku string) (found bool, shard string, err error) {
	var version int64
	shard, err = s.changeProduct(ctx, id, &version, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, deleteProduct, id, sku, version, s.options.Events, trace(ctx))
		if err == nil && tag.RowsAffected() == 0 {
			err = errAbsent
		}
		return err
	})
	if errors.Is(err, errAbsent) || errors.Is(err, ErrNoUser) {
		return false, shard, nil
	}
	return err == nil, shard, err
}

// changeProduct runs a transaction that is one event of the user.
func (s *Store) changeProduct(ctx context.Context, id int64, version *int64, do func(context.Context, pgx.Tx) error) (shard string, err error) {
	return s.change(ctx, id, func(ctx context.Context, tx pgx.Tx) error {
		err := requireUser(ctx, tx, id)
		if errors.Is(err, errAbsent) {
			return ErrNoUser
		}
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, countEvent, id).Scan(version); err != nil {
			return err
		}
		return do(ctx, tx)
	})
}

func (p *Product) utc() { p.CreatedAt, p.UpdatedAt = p.CreatedAt.UTC(), p.UpdatedAt.UTC() }
