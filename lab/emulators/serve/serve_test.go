package serve

import (
	"bufio"
	"context"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
)

func TestEngineAddress(t *testing.T) {
	for name, c := range map[string]struct {
		args       []string
		want, fail string
	}{
		"none":      {nil, "", ""},
		"engine":    {[]string{"127.0.0.1:7"}, "127.0.0.1:7", ""},
		"flags":     {[]string{"--logtostderr", "-v=9", "--tracing", "x", "-root=/a", "127.0.0.1:7"}, "127.0.0.1:7", ""},
		"more":      {[]string{"a", "b"}, "", "want at most one"},
		"other":     {[]string{"-speed"}, "", "flag provided but not defined: -speed"},
		"bad level": {[]string{"-v=high", "a"}, "", "invalid value"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := engineAddress(c.args)
			if c.fail != "" {
				require.ErrorContains(t, err, c.fail)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestThePortIsTheFirstLineAndTheEndIsClean(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, writer, func(*grpc.Server) {}) }()

	line, err := bufio.NewReader(reader).ReadString('\n')
	require.NoError(t, err)
	port, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.Positive(t, port)

	cancel()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("it still serves")
	}
}
