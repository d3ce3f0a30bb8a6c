package reach_test

import (
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/reach"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/stretchr/testify/require"
)

// A service asks for what it may read: that of another's table is refused.
func TestTablesAreAskedWithTheServicesRights(t *testing.T) {
	_, r := shardtest.StartAs(t, "email", 2)
	require.NoError(t, reach.Tables(t.Context(), r, "inbox"))
	require.ErrorContains(t, reach.Tables(t.Context(), r, "inbox", "products"), "permission denied for table products")
}
