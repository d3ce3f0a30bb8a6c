package command

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	ok := Command{Dir: dir, Env: []string{"WHERE=" + dir}, Name: "sh", Args: []string{"-c", `test "$PWD" = "$WHERE"`}}
	require.NoError(t, ok.Run(context.Background()))
}

func TestFailureShowsTheLastLines(t *testing.T) {
	err := Command{Name: "sh", Args: []string{"-c", "seq 40; echo broken >&2; exit 3"}}.Run(context.Background())
	require.ErrorContains(t, err, "sh: exit status 3\n")
	require.Equal(t, tailLines+1, len(strings.Split(err.Error(), "\n")))
	require.Contains(t, err.Error(), "broken")
	require.NotContains(t, err.Error(), strconv.Itoa(40-tailLines))
}
