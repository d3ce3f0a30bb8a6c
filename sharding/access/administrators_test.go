package access

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAdministrators(t *testing.T) {
	all, err := DecodeAdministrators([]byte(`{"shard-0": "secret"}`))
	require.NoError(t, err)
	require.Equal(t, Administrators{"shard-0": "secret"}, all)
	for _, text := range []string{"", "{}", `["secret"]`, `{"shard-0": 7, "shard-1": "secret"}`, `{"shard-0": ""}`} {
		_, err := DecodeAdministrators([]byte(text))
		require.ErrorContains(t, err, "administrators: ", text)
		require.NotContains(t, err.Error(), "secret")
	}
}
