package shardmap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func encoded(t *testing.T, m *Map) string {
	t.Helper()
	data, err := m.Encode()
	require.NoError(t, err)
	return string(data)
}

func TestEncodeDecodeRoundTrip(t *testing.T) {
	want := testMap(DefaultBuckets, 4)
	got, err := Decode([]byte(encoded(t, want)))
	require.NoError(t, err)
	require.Equal(t, want, got)
}
