package pgtest_test

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// A session outlives its server for a moment, and answers if its next statement comes first.
func TestAKilledServerAnswersNothing(t *testing.T) {
	server := pgtest.Start(t, "one")
	for range 20 {
		conn := server.Admin("one")
		server.Kill()
		_, err := conn.Exec(t.Context(), "SELECT 1")
		require.Error(t, err)
		_ = conn.Close(t.Context())
		server.Run()
	}
}
