// Package identity tells shards apart. Every shard's database has one row that names
// its cluster, its shard id and how users are divided into buckets. Every client
// compares this with the shard map first: with another cluster's map, another bucket
// count or two shards swapped, it would look for each user in the wrong place.
package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Identity is what a shard and a map must agree on. It never changes once data exists.
type Identity struct {
	Cluster       string
	ShardID       int
	Buckets       int
	InitialShards int
}

// ErrUnclaimed means that shardctl migrate has not made this database a shard yet.
var ErrUnclaimed = errors.New("the database is not a shard yet: run shardctl migrate first")

// MismatchError says that the map does not describe the database.
type MismatchError struct {
	// Shard is the map's name of the shard.
	Shard string
	// Differences are the values that differ, in the order of Identity.
	Differences []string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s: the shard map does not describe this database: %s", e.Shard, strings.Join(e.Differences, "; "))
}

// Of returns what the map says about a shard.
func Of(m *shardmap.Map, shard *shardmap.Shard) Identity {
	return Identity{Cluster: m.Cluster, ShardID: shard.ID, Buckets: m.Buckets, InitialShards: m.InitialShards}
}

// Querier is a connection, a pool or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Read returns what the database says, or ErrUnclaimed.
func Read(ctx context.Context, db Querier) (Identity, error) {
	var id Identity
	// Asked once per connection: preparing it would be a round trip for nothing.
	err := db.QueryRow(ctx, "SELECT cluster, shard_id, buckets, initial_shards FROM scalestack.shard", pgx.QueryExecModeExec).
		Scan(&id.Cluster, &id.ShardID, &id.Buckets, &id.InitialShards)
	if errors.Is(err, pgx.ErrNoRows) || isMissing(err) {
		return Identity{}, ErrUnclaimed
	}
	return id, err
}

// isMissing holds for undefined_table, also when the whole schema is missing.
func isMissing(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "42P01" || pgErr.Code == "3F000")
}

// Check reads the database's identity and returns a *MismatchError with every
// difference from the wanted one.
func Check(ctx context.Context, db Querier, shard string, want Identity) error {
	have, err := Read(ctx, db)
	if err != nil {
		return fmt.Errorf("%s: %w", shard, err)
	}
	return want.compare(shard, have)
}

func (want Identity) compare(shard string, have Identity) error {
	var differences []string
	differ := func(what string, have, want any) {
		if have != want {
			differences = append(differences, fmt.Sprintf("%s is %v there and %v in the map", what, have, want))
		}
	}
	differ("the cluster", have.Cluster, want.Cluster)
	differ("the shard id", have.ShardID, want.ShardID)
	differ("the number of buckets", have.Buckets, want.Buckets)
	differ("the number of initial shards", have.InitialShards, want.InitialShards)
	if differences != nil {
		return &MismatchError{Shard: shard, Differences: differences}
	}
	return nil
}
