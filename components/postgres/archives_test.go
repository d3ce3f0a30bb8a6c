package postgres

import (
	"crypto/tls"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/certtest"
)

// No retention is applied to the archive of before a restore, so people remove it one day. What the shard
// has written since counts as before.
func TestTheArchiveOfBeforeARestoreMayGo(t *testing.T) {
	store := newStore(t)
	s, moment, _ := archived(t, store)
	s.requireRestore(store, Restore{Name: "friday", To: moment})
	s.start()
	s.fill(3001, 3500)
	s.base()
	s.fill(3501, 4000)
	rows := s.rows()
	s.end(syscall.SIGINT)
	require.NoError(t, os.RemoveAll(filepath.Join(store.folder, "backups/prod/postgres-shard-0")))

	output, err := s.verify(store, 0)
	require.NoError(t, err, output)
	require.FileExists(t, filepath.Join(store.folder, "backups/prod/postgres-shard-0-friday/verified.json"))

	clone := store.backed(t)
	args := store.args(&Restore{Name: "clone", Shards: []int{0}, To: latest, FromCluster: "postgres"})
	args.Backup.Archive = "clone"
	clone.configure(args)
	output, err = clone.bootstrap()
	require.NoError(t, err, output)
	clone.start()
	require.Equal(t, rows, clone.rows())
	clone.end(syscall.SIGINT)

	require.NoError(t, os.RemoveAll(s.at("volume")))
	s.newVolume()
	s.configure(store.args(nil))
	output, err = s.bootstrap()
	require.Error(t, err, "a lost volume never becomes an empty shard")
	require.Contains(t, output, "this volume is empty, and s3://backups/prod/postgres-shard-0-friday has the archive of a shard of this name")
	s.requireRestore(store, Restore{Name: "lost", To: latest})
	s.start()
	require.Equal(t, rows, s.rows())
}

// The retention removes what no moment of its days needs, and nothing else.
func TestTheRetentionRemovesWhatNobodyNeeds(t *testing.T) {
	store := newStore(t)
	s := written(t, store)
	s.archiveNow()
	s.base()
	s.fill(2001, 2500)
	moment, rows := s.moment(), s.rows()
	s.fill(2501, 2600)
	s.archiveNow()
	bases := s.listed()
	require.Len(t, bases, 2)
	for i, days := range []int{30, 20} {
		store.age(t, bases[i], days)
	}
	log := store.files("prod/postgres-shard-0/wals")
	s.base()
	left := s.listed()
	require.Len(t, left, 2, "the one of 30 days is gone, the one of 20 days is needed for the fourteenth")
	require.Equal(t, bases[1], left[0])
	require.Less(t, len(store.files("prod/postgres-shard-0/wals")), len(log)+2, "log of before it is gone")
	require.NoDirExists(t, filepath.Join(store.folder, "backups/prod/postgres-shard-0/base", bases[0], "data.tar"))
	s.end(syscall.SIGINT)
	s.requireRestore(store, Restore{Name: "friday", To: moment})
	s.start()
	require.Equal(t, rows, s.rows())
}

// listed are the base backups that may be restored.
func (s *shard) listed() (names []string) {
	s.t.Helper()
	output, err := s.python(s.at("backup.py"), "list")
	require.NoError(s.t, err, output)
	for _, line := range strings.Split(output, "\n") {
		if found := regexp.MustCompile(`^(\d{8}T\d{6}) `).FindStringSubmatch(line); found != nil {
			names = append(names, found[1])
		}
	}
	return names
}

// Credentials that are no longer in the Secret count no longer, without a restart.
func TestWhatASecretNoLongerHasIsForgotten(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	s.write("backup-credentials/AWS_SESSION_TOKEN", "former")
	s.write("backup-credentials/ca.crt", "former")
	s.write("forget.py", "import json, os, sys\nsys.path.insert(0, sys.argv[1])\nimport bucket\n"+
		"told = lambda: [os.environ.get(name) for name in ('AWS_ACCESS_KEY_ID', 'AWS_SESSION_TOKEN', 'AWS_CA_BUNDLE')]\n"+
		"settings = bucket.read_settings()\nprint(told())\n"+
		"[os.remove(settings['credentials'] + name) for name in ('/AWS_SESSION_TOKEN', '/ca.crt')]\n"+
		"bucket.read_settings()\nprint(told())\n")
	require.NoError(t, os.Chmod(s.at("backup-credentials"), 0o777))
	output, err := s.python(s.at("forget.py"), s.folder)
	require.NoError(t, err, output)
	require.Equal(t, "['key', 'former', '"+s.at("backup-credentials/ca.crt")+"']\n['key', None, None]\n", output)
}

// A store whose certificate is of an authority that nobody else knows.
func TestABucketHasAnAuthorityOfItsOwn(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	authority := certtest.NewAuthority(t, "store")
	pair, err := tls.X509KeyPair(pemOf(authority.Issue(time.Hour, "127.0.0.1")))
	require.NoError(t, err)
	front := httptest.NewUnstartedServer(store.forward())
	front.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	front.StartTLS()
	t.Cleanup(front.Close)
	args := store.args(nil)
	args.Backup.Endpoint = front.URL
	s.configure(args)
	s.write("backup-credentials/ca.crt", string(authority.Certificate))
	s.requireBootstrap()
	s.write("000000010000000000000077", "one")
	archive := func() (string, error) {
		return s.python(s.at("backup.py"), "archive", s.at("000000010000000000000077"))
	}
	output, err := archive()
	require.NoError(t, err, output)
	fetched, err := s.fetch("000000010000000000000077")
	require.NoError(t, err)
	require.Contains(t, fetched, "code 0")

	s.write("backup-credentials/ca.crt", string(certtest.NewAuthority(t, "other").Certificate))
	s.env = append(s.env, "AWS_MAX_ATTEMPTS=1")
	output, err = archive()
	require.Error(t, err)
	require.Contains(t, output, "CERTIFICATE_VERIFY_FAILED")
	fetched, err = s.fetch("000000010000000000000077")
	require.NoError(t, err)
	require.Contains(t, fetched, "code 255", "no answer is no end of the log")
}

func pemOf(pair certtest.Pair) (certificate, key []byte) { return pair.Certificate, pair.Key }
