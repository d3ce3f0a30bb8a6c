package router_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

type pathKey struct{}

// path is a trace for tests: each step with those around it, and what it ended with.
type path struct{ ended []string }

func (p *path) trace(ctx context.Context, s router.Step) (context.Context, func(error)) {
	around, _ := ctx.Value(pathKey{}).(string)
	name := around + "/" + string(s.Name)
	if s.Shard != "" {
		name += "@" + s.Shard
	}
	return context.WithValue(ctx, pathKey{}, name), func(err error) {
		if err != nil {
			name += "!"
		}
		p.ended = append(p.ended, name)
	}
}

func TestEachStepIsTraced(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	var p path
	options := shards.App.As("test")
	options.Trace = p.trace
	r, err := router.New(options)
	require.NoError(t, err)
	defer r.Close()
	shard := r.Map().ShardOf(1).Name
	read := func(sql string) error {
		_, err := r.Read(t.Context(), 1, func(ctx context.Context, conn *pgxpool.Conn) error {
			require.Equal(t, "/read/execute@"+shard, ctx.Value(pathKey{}))
			return conn.QueryRow(ctx, sql).Scan(nil)
		})
		return err
	}

	_, _, err = accounts.NewStore(r).Put(t.Context(), 1, ada)
	require.NoError(t, err)
	require.Equal(t, []string{"/write/connect@" + shard, "/write/execute@" + shard, "/write"}, p.ended)

	p.ended = nil
	require.Error(t, read("SELECT 1 WHERE false"))
	require.Equal(t, []string{"/read/connect@" + shard, "/read/execute@" + shard, "/read"}, p.ended, "no row is an answer")

	p.ended = nil
	require.Error(t, read("SELECT 1/0"))
	require.Equal(t, []string{"/read/connect@" + shard, "/read/execute@" + shard + "!", "/read!"}, p.ended)

	p.ended = nil
	shards.Servers[0].Stop()
	require.Error(t, read("SELECT 1"))
	require.Contains(t, p.ended, "/read/connect@"+shard+"!")
	require.Equal(t, "/read!", p.ended[len(p.ended)-1])
}
