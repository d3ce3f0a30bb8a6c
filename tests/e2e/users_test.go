//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUserComesBackAndIsCached(t *testing.T) {
	c := newClient(t)
	const id = 4242
	want := profile{Name: "Ada " + t.Name(), Email: "ada@example.com"}
	require.NoError(t, c.put(id, want))

	first := c.get(t, id)
	require.Equal(t, http.StatusOK, first.status, first.text)
	require.Equal(t, want, first.body)
	require.Equal(t, "shard-2", first.shard, "4242 %% 4 is 2")

	second := c.get(t, id)
	require.Equal(t, "hit", second.cache)
	require.Equal(t, want, second.body)
}

func TestAbsentUserIsNotFound(t *testing.T) {
	require.Equal(t, http.StatusNotFound, newClient(t).get(t, -987654321).status)
}

// The base map for four shards is user_id modulo 4, so a team that starts with
// a plain modulus finds its rows where they were.
func TestUsersLieOnTheirShard(t *testing.T) {
	c := newClient(t)
	const users = 1000
	for id := range int64(users) {
		require.NoError(t, c.put(id, profile{Name: fmt.Sprintf("user %d", id), Email: fmt.Sprintf("u%d@example.com", id)}))
	}
	out := outputs(t)
	found := 0
	for shard := range out.Shards {
		rows, err := database(t, out.Namespace, shard).Query(t.Context(),
			"SELECT user_id FROM users WHERE user_id BETWEEN 0 AND $1", users-1)
		require.NoError(t, err)
		for rows.Next() {
			var id int64
			require.NoError(t, rows.Scan(&id))
			require.EqualValues(t, shard, id%4, "user %d", id)
			found++
		}
		require.NoError(t, rows.Err())
	}
	require.Equal(t, users, found, "every user on exactly one shard")
}

// The database itself refuses a row that belongs to another shard, whoever
// writes it.
func TestShardRefusesForeignUser(t *testing.T) {
	out := outputs(t)
	_, err := database(t, out.Namespace, 0).Exec(t.Context(),
		"INSERT INTO users (user_id, name, email) VALUES (1, 'stray', 'stray@example.com')")
	require.ErrorContains(t, err, "SQLSTATE SS001")
}
