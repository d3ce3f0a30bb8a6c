package postgres

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
)

const (
	// storeVariable names versitygw, libraryVariable the folder of barman and boto3.
	storeVariable   = "SCALESTACK_TEST_S3"
	libraryVariable = "SCALESTACK_TEST_BARMAN"
)

// store is an S3 server whose buckets are folders.
type store struct {
	t        *testing.T
	folder   string
	endpoint string
	server   *exec.Cmd
}

func newStore(t *testing.T) *store {
	t.Helper()
	program := os.Getenv(storeVariable)
	if program == "" || os.Getenv(libraryVariable) == "" || os.Getenv(binariesVariable) == "" {
		t.Skipf("needs real servers: make real-backup sets %s, %s and %s", storeVariable, libraryVariable, binariesVariable)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &store{t: t, folder: t.TempDir(), endpoint: "http://" + listener.Addr().String()}
	require.NoError(t, listener.Close())
	require.NoError(t, os.Mkdir(filepath.Join(s.folder, "backups"), 0o755))
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *store) start() {
	s.t.Helper()
	address := strings.TrimPrefix(s.endpoint, "http://")
	s.server = exec.Command(os.Getenv(storeVariable), "--access", "key", "--secret", "secret", "--port", address, "--quiet", "posix", s.folder)
	s.server.Env = []string{"HOME=" + s.folder}
	require.NoError(s.t, s.server.Start())
	require.Eventually(s.t, func() bool {
		conn, err := net.Dial("tcp", address)
		return err == nil && conn.Close() == nil
	}, 20*time.Second, 50*time.Millisecond, "the S3 server does not start")
}

func (s *store) stop() {
	if s.server != nil {
		_ = s.server.Process.Kill()
		_ = s.server.Wait()
		s.server = nil
	}
}

// files are the objects below a folder of the bucket.
func (s *store) files(folder string) (names []string) {
	root := filepath.Join(s.folder, "backups", folder)
	_ = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(root, path)
			names = append(names, name)
		}
		return nil
	})
	return names
}

// backed is a shard with backups, and perhaps a restore.
func (s *store) backed(t *testing.T) *shard {
	t.Helper()
	shard := newShard(t)
	shard.env = []string{"LIBRARY=" + os.Getenv(libraryVariable), "SOCKET=" + shard.folder,
		"PGPORT=" + strconv.Itoa(shard.port), "AGAIN=1", "PAUSE=0.2"}
	shard.write("backup-credentials/AWS_ACCESS_KEY_ID", "key\n")
	shard.write("backup-credentials/AWS_SECRET_ACCESS_KEY", "secret\n")
	shard.configure(s.args(nil))
	return shard
}

// Autovacuum commits by itself, which a test would find in the archive after its last commit.
func (s *store) args(restore *Restore) *Args {
	return &Args{
		Settings: map[string]string{"autovacuum": "off"},
		Shards:   []int{0}, Resources: k8s.Resources{Memory: "384Mi"}, MaxConnections: 20, Restore: restore,
		Backup: &Backup{
			Bucket: "s3://backups/prod", Endpoint: s.endpoint, Region: "us-east-1", CredentialsSecret: "bucket", ArchiveTimeoutSeconds: 3600,
		},
	}
}

// pythonCommand is Python as the server finds it, which is not always the caller's.
func (s *shard) pythonCommand(args ...string) *exec.Cmd {
	return s.command("sh", append([]string{"-c", `exec python3 -I "$@"`, "python3"}, args...)...)
}

// python runs one of the programs beside the server.
func (s *shard) python(args ...string) (string, error) {
	output, err := s.pythonCommand(args...).CombinedOutput()
	return string(output), err
}

func (s *shard) base() {
	s.t.Helper()
	output, err := s.python(s.at("backup.py"), "base")
	require.NoError(s.t, err, output)
}

// moment is the server's clock, between what was committed and what will be.
func (s *shard) moment() string {
	time.Sleep(20 * time.Millisecond)
	defer time.Sleep(20 * time.Millisecond)
	return s.query("postgres", "admin-1", `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`)
}

// rows are the content of table kept, in one line.
func (s *shard) rows() string {
	return s.query("postgres", "admin-1", "SELECT count(*) || ' ' || coalesce(md5(string_agg(n || note, ',' ORDER BY n)), '') FROM kept")
}

// fill adds rows to the table kept.
func (s *shard) fill(from, to int) {
	s.exec(fmt.Sprintf("CREATE TABLE IF NOT EXISTS kept (n int PRIMARY KEY, note text); INSERT INTO kept SELECT n, 'note ' || n FROM generate_series(%d, %d) n", from, to))
}
