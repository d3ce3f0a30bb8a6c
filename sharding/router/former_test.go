package router_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/owner"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// A server that a rotation has not reached yet gets the former password, and nobody else does.
func TestTheFormerPassword(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	folder := filepath.Join(shards.Admin.Credentials, "shard-0")
	pgtest.SetCredentials(t, folder, owner.Mover, "next")
	pgtest.SetFormer(t, folder, "never", pgtest.AdminPassword)
	password := func() string {
		config, err := shards.Admin.As("test").ConnConfig(&shards.Map.Shards[0])
		require.NoError(t, err)
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err == nil {
			require.NoError(t, conn.Close(t.Context()))
		}
		return config.Password
	}
	require.Equal(t, pgtest.AdminPassword, password())
	shards.Servers[0].ChangePassword("next")
	require.Equal(t, "next", password())

	shards.Servers[0].ChangePassword("another")
	refusals := strings.Count(shards.Servers[0].Log(), "password authentication failed")
	password()
	require.Equal(t, refusals+3, strings.Count(shards.Servers[0].Log(), "password authentication failed"), "each password is tried once")

	shards.Servers[0].Stop()
	require.Equal(t, "next", password(), "whatever else is wrong is no reason for the former password")
}
