package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/bench"
)

const (
	// backupVariable has sizes of the database in MiB, the smallest first, separated by blanks.
	backupVariable = "SCALESTACK_MEASURE_BACKUP"
	// compressionVariable has values of Backup.Compression, separated by blanks.
	compressionVariable = "SCALESTACK_MEASURE_COMPRESSION"
)

// packers are what barman-cloud does to base backups: with Python 3.11 tarfile has no other level.
var packers = map[string]string{"wal": "", "all": "gzip -9 | "}

// upload takes what pg_basebackup writes, with the shard's own settings of the bucket.
const upload = `import sys
sys.path.insert(0, sys.argv[1])
import bucket
to = bucket.interface(bucket.read_settings())
to.s3.meta.client.upload_fileobj(sys.stdin.buffer, to.bucket_name, to.path + "/plain/data.tar")
`

// TestMeasureBackup compares base backups with pg_basebackup into the same bucket, in turns.
func TestMeasureBackup(t *testing.T) {
	sizes := strings.Fields(os.Getenv(backupVariable))
	if len(sizes) == 0 {
		t.Skipf("a measurement and no test: set %s to the MiB of a database", backupVariable)
	}
	store := newStore(t)
	s := store.backed(t)
	s.requireBootstrap()
	s.start()
	s.write("upload.py", upload)
	for _, text := range sizes {
		size, err := strconv.Atoi(text)
		require.NoError(t, err)
		size = s.grow(size)
		for compression := range strings.FieldsSeq(os.Getenv(compressionVariable)) {
			t.Log(bench.Machine())
			store.compareBackups(s, size, compression)
		}
	}
	t.Log("at the end: " + bench.Machine())
}

func (s *store) compareBackups(shard *shard, size int, compression string) {
	s.t.Helper()
	args := s.args(nil)
	args.Backup.Compression = compression
	shard.configure(args)
	pipe := "pg_basebackup --host=127.0.0.1 --username=postgres --pgdata=- --format=tar --wal-method=none --checkpoint=fast | " + packers[compression]
	plan := bench.Plan{Rounds: 3, Operations: 1, Clients: 1}
	results, err := bench.Alternate(s.t.Context(), plan,
		s.backup("pg_basebackup | "+packers[compression]+"upload", func() *exec.Cmd {
			cmd := shard.command("bash", "-o", "pipefail", "-c", pipe+`python3 -I upload.py "$0"`, shard.folder)
			cmd.Env = append(cmd.Env, "PGPASSWORD=admin-1")
			return cmd
		}),
		s.backup("backup.py base", func() *exec.Cmd { return shard.pythonCommand(shard.at("backup.py"), "base") }))
	require.NoError(s.t, err)
	report := bench.Compare(fmt.Sprintf("base backups of %d MiB, compression %s, %d rounds", size, compression, plan.Rounds), results)
	require.NoError(s.t, report.WithRates("MiB/s", float64(size), 1, results).WriteText(s.t.Output()))
}

// backup is a way to make one. No turn waits for what the one before has left to the disk. Whatever else the machine does,
// it takes the same processor time.
func (s *store) backup(name string, command func() *exec.Cmd) bench.Side {
	var cmd *exec.Cmd
	return bench.Side{
		Name: name,
		Prepare: func(context.Context) error {
			cmd = command()
			for _, folder := range []string{"plain", "postgres-shard-0/base"} {
				if err := os.RemoveAll(filepath.Join(s.folder, "backups/prod", folder)); err != nil {
					return err
				}
			}
			syscall.Sync()
			return nil
		},
		Do: func(context.Context, int) error {
			output, err := cmd.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, output)
			}
			return err
		},
		Finish: func(context.Context) error {
			s.t.Logf("%s: %d MiB in the bucket, processor time %s, without the servers'", name,
				s.stored("plain")+s.stored("postgres-shard-0/base"), bench.Round(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()))
			return nil
		},
	}
}

// stored are the MiB of a folder of the bucket.
func (s *store) stored(folder string) (size int64) {
	for _, name := range s.files("prod/" + folder) {
		info, err := os.Stat(filepath.Join(s.folder, "backups/prod", folder, name))
		require.NoError(s.t, err)
		size += info.Size()
	}
	return size >> 20
}

// grow fills the database up to so many MiB of rows that gzip makes less than half of, and returns what it has. The log of that
// is not archived.
func (s *shard) grow(size int) (grown int) {
	s.t.Helper()
	s.exec("ALTER SYSTEM SET archive_command = 'true'")
	s.exec("SELECT pg_reload_conf(); CREATE TABLE IF NOT EXISTS people (id bigserial PRIMARY KEY, name text, email text, note text)")
	measured := func() int {
		grown, err := strconv.Atoi(s.query("postgres", "admin-1", "SELECT (sum(pg_database_size(oid)) / 1048576)::int::text FROM pg_database"))
		require.NoError(s.t, err)
		return grown
	}
	for grown = measured(); grown < size; grown = measured() {
		s.exec(`INSERT INTO people (name, email, note) SELECT 'Name ' || n, n || '@example.com', md5(random()::text) || ' and then ' || md5(random()::text) ||
			', as was said before: ' || repeat(md5(n::text), 2) FROM generate_series(1, 200000) n`)
	}
	s.exec("VACUUM (FREEZE, ANALYZE) people")
	s.exec("ALTER SYSTEM RESET archive_command")
	s.exec("SELECT pg_reload_conf(), pg_switch_wal()")
	s.exec("CHECKPOINT")
	return measured()
}
