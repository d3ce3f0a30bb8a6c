package access

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAdministrators(t *testing.T) {
	all, err := DecodeAdministrators([]byte(`{"shard-0": {"mover": "secret"}}`))
	require.NoError(t, err)
	require.Equal(t, Administrators{"shard-0": {"mover": "secret"}}, all)
	for _, text := range []string{"", "{}", `["secret"]`, `{"shard-0": 7, "shard-1": {"mover": "secret"}}`, `{"shard-0": "secret"}`, `{"shard-0": {"mover": ""}}`} {
		_, err := DecodeAdministrators([]byte(text))
		require.ErrorContains(t, err, "administrators: ", text)
		require.NotContains(t, err.Error(), "secret")
	}
}
