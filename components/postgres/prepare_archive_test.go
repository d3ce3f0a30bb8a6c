package postgres

import (
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// All members have lost their volumes, and Patroni's state went with the claims: the archive knows that there was data.
func TestMembersDoNotFoundAShardOverItsArchive(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	args := store.args(nil)
	threeMembers(args)
	s.configure(args)
	first := func(annotations map[string]string) (string, error) {
		state := newClusterState(t, annotations)
		host, port, err := net.SplitHostPort(state.Listener.Addr().String())
		require.NoError(t, err)
		s.write("account/token", "token\n")
		s.write("account/ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: state.Certificate().Raw})))
		before := s.env
		defer func() { s.env = before }()
		s.env = append(s.env[:len(s.env):len(s.env)], "KUBERNETES_SERVICE_HOST="+host, "KUBERNETES_SERVICE_PORT="+port, "ACCOUNT="+s.at("account")+"/",
			"SCOPE=postgres-shard-0", "NAMESPACE=ns", "MEMBER=0", "AWS_MAX_ATTEMPTS=1")
		return s.python(s.at("prepare.py"))
	}
	output, err := first(nil)
	require.NoError(t, err, "a new shard: %s", output)

	require.NoError(t, os.MkdirAll(filepath.Join(store.folder, "backups/prod/postgres-shard-0"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(store.folder, "backups/prod/postgres-shard-0/owner.json"), []byte("{}"), 0o600))
	output, err = first(nil)
	require.Error(t, err)
	require.Contains(t, output, "prepare: this volume is empty, and s3://backups/prod/postgres-shard-0 has the archive of a shard of this name")
	output, err = first(map[string]string{"initialize": "7"})
	require.NoError(t, err, "one lost volume of a shard that Patroni knows: %s", output)

	store.stop()
	_, err = first(nil)
	require.Error(t, err, "nobody knows whether there is an archive")
}
