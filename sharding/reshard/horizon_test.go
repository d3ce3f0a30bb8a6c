package reshard

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// A transaction that has begun is before the next one, also when none after it has ended.
func TestTheNextTransactionHasNotBegun(t *testing.T) {
	server := pgtest.Start(t, "one")
	writer := server.Admin("postgres")
	defer writer.Close(t.Context())
	tx, err := writer.Begin(t.Context())
	require.NoError(t, err)
	var begun int64
	require.NoError(t, tx.QueryRow(t.Context(), "SELECT pg_current_xact_id()::text::bigint").Scan(&begun))
	s := &session{Conn: server.Admin("postgres")}
	defer s.Close(t.Context())
	h, err := s.horizon(t.Context())
	require.NoError(t, err)
	require.Greater(t, h.next, begun)
	require.LessOrEqual(t, h.oldest, begun)
	later, err := s.horizon(t.Context())
	require.NoError(t, err)
	require.Less(t, later.oldest, h.next, "it is still under way")
	require.NoError(t, tx.Rollback(t.Context()))
	ended, err := s.horizon(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, ended.oldest, h.next)
}
