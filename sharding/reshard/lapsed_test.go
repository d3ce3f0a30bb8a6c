package reshard

import (
	"errors"
	"testing"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// A fence that has lapsed explains a difference before its lifting shows.
func TestADifferenceBehindALapsedFence(t *testing.T) {
	server := pgtest.Start(t, "lapsed")
	conn := server.Admin("lapsed")
	for _, statement := range []string{
		"CREATE SCHEMA scalestack",
		"CREATE TABLE scalestack.ownership (bucket integer PRIMARY KEY, state text, fenced_until timestamptz)",
		"INSERT INTO scalestack.ownership VALUES (1, 'fenced', now() + interval '1 hour'), (2, 'fenced', now() + interval '1 hour'), (3, 'fenced', now()), (4, 'owned', NULL)",
	} {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	different := errors.New("different")
	require.Equal(t, different, orLapsed(t.Context(), conn, []int32{1, 2}, different))
	require.Equal(t, errLapsed, orLapsed(t.Context(), conn, []int32{1, 3}, different), "lapsed")
	require.Equal(t, errLapsed, orLapsed(t.Context(), conn, []int32{1, 4}, different), "lifted")
}
