package shardctl

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWithoutATerminalProgressIsLines(t *testing.T) {
	var out bytes.Buffer
	d := newDisplay(&out)
	d.show(0, "3 buckets to move")
	d.show(0, "3 buckets to move")
	d.show(1, "0 buckets to move")
	d.close()
	require.Equal(t, "3 buckets to move\n0 buckets to move\n", out.String())
}
