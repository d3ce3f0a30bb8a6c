package bench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLoad(t *testing.T) {
	require.Equal(t, "4.36 4.40 2.08", load("4.36 4.40 2.08 5/412 12345\n"))
	require.Equal(t, "not known", load(""))
}
