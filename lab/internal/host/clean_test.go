package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeNft answers like nft and writes down what it is asked to delete.
func fakeNft(t *testing.T, list string) (deleted func() string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\ncase $1 in list) " + list + " ;; delete) echo \"$*\" >>" + dir + "/deleted ;; esac\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nft"), []byte(script), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() string {
		content, _ := os.ReadFile(filepath.Join(dir, "deleted"))
		return string(content)
	}
}

func TestRemoveTablesDeletesKubeProxysAlone(t *testing.T) {
	deleted := fakeNft(t, `printf 'table inet filter\ntable ip kube-proxy\ntable ip6 kube-proxy\ntable ip docker\n'`)
	var log strings.Builder
	require.NoError(t, removeTables(t.Context(), &log))
	require.Equal(t, "delete table ip kube-proxy\ndelete table ip6 kube-proxy\n", deleted())
	require.Contains(t, log.String(), "deleted nftables table ip6 kube-proxy")
}

// Tables that cannot be listed are not taken for tables that do not exist.
func TestRemoveTablesFailsWhereNothingCanBeListed(t *testing.T) {
	fakeNft(t, "echo 'netlink: Operation not permitted' >&2; exit 1")
	require.ErrorContains(t, removeTables(t.Context(), &strings.Builder{}), "Operation not permitted")
}
