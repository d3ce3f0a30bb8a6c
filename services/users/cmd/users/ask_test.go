package main

import (
	"fmt"
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

func TestAsk(t *testing.T) {
	shards, _ := shardtest.Start(t, 2)
	t.Setenv("SCALESTACK_SHARD_MAP", shards.App.MapFile)
	t.Setenv("SCALESTACK_SHARD_CREDENTIALS", shards.App.Credentials)
	t.Setenv("SCALESTACK_USERS_TIMEOUT", "1s")
	for id := range 6 {
		shards.Servers[id%2].Exec(pgtest.Database(id%2), `
			INSERT INTO users (user_id, name, email, created_at) VALUES ($1::bigint, 'Ada', $2, '2026-11-23 20:00Z'::timestamptz + $1::bigint * interval '1 hour')`,
			id, fmt.Sprintf("%d@example.com", id/2))
	}
	shards.Servers[1].Exec(pgtest.Database(1), "SELECT scalestack.sweep(); UPDATE users SET deleted_at = now(), name = '', email = '' WHERE user_id = 5")

	out, err := execute(t, "ask", "count")
	require.NoError(t, err)
	require.Equal(t, "5\n", out)
	out, err = execute(t, "ask", "find", "0@example.com")
	require.NoError(t, err)
	require.Regexp(t, `^\[\{"id":0,.*\},\{"id":1,.*\}\]\n$`, out)
	out, err = execute(t, "ask", "find", "nobody@example.com")
	require.NoError(t, err)
	require.Equal(t, "[]\n", out)
	out, err = execute(t, "ask", "newest", "-n", "3")
	require.NoError(t, err)
	require.Regexp(t, `^\[\{"id":4,.*\},\{"id":3,.*\},\{"id":2,.*\}\]\n$`, out)

	shards.Servers[1].Stop()
	out, err = execute(t, "ask", "count")
	require.Equal(t, "3\n", out, "what the other shards have")
	require.ErrorContains(t, err, "1 of 2 shards gave no answer, 6 buckets are missing; shard-1: unavailable: ")
}
