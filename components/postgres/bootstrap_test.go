package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
)

// binariesVariable names the folder of initdb and postgres.
const binariesVariable = "SCALESTACK_TEST_POSTGRES"

// nobody runs the server when the tests run as root, which PostgreSQL refuses.
const nobody = 65534

const appPassword = `it's a "pass\word"; x`

// shard is a volume with the files that its pod would mount.
type shard struct {
	t      *testing.T
	folder string
	port   int
	path   string
	server *exec.Cmd
	args   *Args
	// log takes what the server writes; nil drops it.
	log *os.File
	// env is for all its programs, tls how tests connect.
	env []string
	tls string
}

func newShard(t *testing.T) *shard {
	t.Helper()
	binaries := os.Getenv(binariesVariable)
	if binaries == "" {
		t.Skipf("needs a real PostgreSQL: set %s to the folder of initdb and postgres", binariesVariable)
	}
	// Not below t.TempDir, which only root may enter.
	folder, err := os.MkdirTemp("", "bootstrap")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &shard{t: t, folder: folder, port: listener.Addr().(*net.TCPAddr).Port, path: binaries + ":/usr/bin:/bin"}
	require.NoError(t, listener.Close())
	s.configure(&Args{Resources: k8s.Resources{Memory: "256Mi"}, MaxConnections: 20})
	s.passwords("admin-1", appPassword)
	require.NoError(t, os.Mkdir(s.at("volume"), 0o755))
	if os.Getuid() == 0 {
		require.NoError(t, os.Chown(folder, nobody, nobody))
		require.NoError(t, os.Chown(s.at("volume"), nobody, nobody))
	}
	t.Cleanup(s.kill)
	return s
}

func (s *shard) at(name string) string { return filepath.Join(s.folder, name) }

func (s *shard) write(name, text string) {
	require.NoError(s.t, os.MkdirAll(filepath.Dir(s.at(name)), 0o755))
	require.NoError(s.t, os.WriteFile(s.at(name), []byte(text), 0o644))
}

// configure writes the pod's files, with the paths and the port of a test.
func (s *shard) configure(args *Args) {
	local := strings.NewReplacer("'5432'", fmt.Sprintf("'%d'", s.port), configPath, s.folder, socketPath, s.folder,
		bucketCredentialsPath, s.at("backup-credentials"),
		volumePath, s.at("volume"), "'*'", "'127.0.0.1'", " peer\n", " trust\n")
	_ = os.Remove(s.at("restore.json"))
	s.args = args.withDefaults()
	for name, text := range mountedFiles(plan{Args: s.args, component: "postgres"}) {
		s.write(name, local.Replace(text))
	}
	s.write("rollout", "first")
}

func (s *shard) passwords(admin, app string) {
	s.write("admin/password", admin)
	s.write("admin/owner-password", "owner-of-"+admin)
	s.write("admin/mover-password", "mover-of-"+admin)
	s.write("app/password", app)
}

func (s *shard) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.folder
	cmd.Env = append([]string{"PATH=" + s.path, "PGDATA=" + s.at("volume/pgdata"), "DATABASE=shard_0_db",
		"CREDENTIALS=" + s.folder, "CONFIG=" + s.folder}, s.env...)
	// As in a container there is no terminal that could be asked for a password.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return cmd
}

func (s *shard) bootstrap() (string, error) {
	output, err := s.command("sh", s.at("bootstrap.sh")).CombinedOutput()
	return string(output), err
}

func (s *shard) bootstrapKilledAfter(delay time.Duration) {
	cmd := s.command("sh", s.at("bootstrap.sh"))
	require.NoError(s.t, cmd.Start())
	timer := time.AfterFunc(delay, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer timer.Stop()
	_ = cmd.Wait()
}

// requireBootstrap waits for what a killed run left running, as the container's
// end does in a pod.
func (s *shard) requireBootstrap() {
	s.t.Helper()
	var output string
	if !assert.Eventually(s.t, func() bool {
		var err error
		output, err = s.bootstrap()
		return err == nil
	}, 90*time.Second, 50*time.Millisecond, "bootstrap does not converge") {
		s.t.Fatal(output)
	}
	require.Contains(s.t, output, "bootstrap: ready")
	require.NotContains(s.t, output, "admin-1")
	require.NotContains(s.t, output, "a \"pass")
}

// serverCommand starts the server as a pod does.
func (s *shard) serverCommand() []string {
	command := serverCommand(s.args)
	for i, word := range command {
		command[i] = strings.ReplaceAll(word, configPath, s.folder)
	}
	return command
}

func (s *shard) start() {
	s.t.Helper()
	_ = os.Remove(s.at("started"))
	s.startAgain()
}

// startWithLog starts the server and returns a function that reads what it has logged.
func (s *shard) startWithLog() (logged func() string) {
	s.t.Helper()
	log, err := os.Create(s.at("log"))
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = log.Close() })
	s.log = log
	s.start()
	return func() string {
		s.t.Helper()
		text, err := os.ReadFile(log.Name())
		require.NoError(s.t, err)
		return string(text)
	}
}

// startAgain starts the server in the container in which it has ended.
func (s *shard) startAgain() {
	s.t.Helper()
	command := s.serverCommand()
	s.server = s.command(command[0], command[1:]...)
	s.server.Env = append(s.server.Env, "RUN="+s.folder)
	if s.log != nil {
		s.server.Stderr = s.log
	}
	require.NoError(s.t, s.server.Start())
	require.Eventually(s.t, func() bool {
		conn, err := s.connect("postgres", "admin-1")
		if err == nil {
			return conn.Close(context.Background()) == nil
		}
		return strings.Contains(err.Error(), "password authentication failed") || strings.Contains(err.Error(), rejected)
	}, 30*time.Second, 20*time.Millisecond, "the server does not start")
}

func (s *shard) kill() { s.end(syscall.SIGKILL) }

func (s *shard) end(signal syscall.Signal) {
	if s.server == nil {
		return
	}
	_ = s.server.Process.Signal(signal)
	_ = s.server.Wait()
	s.server = nil
	s.requireEnded()
}

// requireEnded waits for the last process of the server, which has inherited the volume's lock.
func (s *shard) requireEnded() {
	lock, err := os.OpenFile(s.at("volume/lock"), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	require.NoError(s.t, err)
	defer lock.Close()
	require.Eventually(s.t, func() bool { return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil },
		time.Minute, 10*time.Millisecond, "processes of the server are left")
}

func (s *shard) connect(user, password string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(fmt.Sprintf("host=127.0.0.1 port=%d dbname=shard_0_db connect_timeout=5 %s", s.port, cmp.Or(s.tls, "sslmode=disable")))
	require.NoError(s.t, err)
	config.User, config.Password = user, password
	return pgx.ConnectConfig(context.Background(), config)
}

func (s *shard) query(user, password, sql string) string {
	s.t.Helper()
	conn, err := s.connect(user, password)
	require.NoError(s.t, err)
	defer conn.Close(context.Background())
	var value string
	require.NoError(s.t, conn.QueryRow(context.Background(), sql).Scan(&value))
	return value
}

func TestBootstrapMakesRolesAndDatabase(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	s.start()
	require.Equal(t, "on", s.query("postgres", "admin-1", "SHOW data_checksums"))
	require.Equal(t, "C C.UTF-8 UTF8", s.query("postgres", "admin-1", `SELECT datcollate || ' ' || datctype || ' ' ||
		pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()`))
	require.Equal(t, "false false false false true", s.query(AppRole, appPassword, `SELECT rolsuper || ' ' || rolcreatedb || ' ' ||
		rolcreaterole || ' ' || rolreplication || ' ' || rolcanlogin FROM pg_roles WHERE rolname = current_user`))
	require.Equal(t, "0", s.query("postgres", "admin-1", "SELECT count(*)::text FROM pg_file_settings WHERE error IS NOT NULL"))
}

func TestBootstrapSetsNewPasswordsAndKeepsData(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	s.start()
	s.query("postgres", "admin-1", "WITH made AS (SELECT 1) SELECT pg_create_logical_replication_slot('move', 'pgoutput')::text FROM made")
	s.end(syscall.SIGINT)

	s.passwords("admin-2", "app-2")
	s.requireBootstrap()
	s.start()
	for user, password := range map[string]string{"postgres": "admin-1", AppRole: appPassword} {
		_, err := s.connect(user, password)
		require.ErrorContains(t, err, "password authentication failed", user)
	}
	require.Equal(t, "app", s.query(AppRole, "app-2", "SELECT current_user::text"))
	require.Equal(t, "move", s.query("postgres", "admin-2", "SELECT slot_name::text FROM pg_replication_slots"))
}

// Every program that the script runs is replaced by one that kills the whole
// script at its n-th call, before it does its work.
func TestBootstrapConvergesWhenKilledBeforeAnyStep(t *testing.T) {
	binaries := os.Getenv(binariesVariable)
	for step := 1; ; step++ {
		s := newShard(t)
		for _, program := range []string{"initdb", "postgres", "mv", "rm", "rmdir", "sync", "chmod"} {
			s.write("killers/"+program, fmt.Sprintf(`#!/bin/sh
echo >> %[1]s/calls
if [ "$(wc -l < %[1]s/calls)" -eq %[2]d ]; then kill -KILL 0; fi
PATH=%[3]s:/usr/bin:/bin exec %[4]s "$@"
`, s.folder, step, binaries, program))
			require.NoError(t, os.Chmod(s.at("killers/"+program), 0o755))
		}
		s.path = s.at("killers") + ":" + s.path
		_, err := s.bootstrap()
		s.path = strings.TrimPrefix(s.path, s.at("killers")+":")
		if err == nil {
			require.Greater(t, step, 5, "the script runs fewer programs than expected")
			return
		}
		s.requireBootstrap()
		s.start()
		require.Equal(t, "app", s.query(AppRole, appPassword, "SELECT current_user::text"), "killed at step %d", step)
		s.kill()
	}
}

func TestBootstrapConvergesWhenKilledAtAnyTime(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	check := func(s *shard) {
		s.requireBootstrap()
		s.start()
		require.Equal(t, "app", s.query(AppRole, appPassword, "SELECT current_user::text"))
		s.kill()
	}
	var s *shard
	for range 8 {
		s = newShard(t)
		s.bootstrapKilledAfter(time.Duration(random.IntN(900)) * time.Millisecond)
		check(s)
	}
	for range 20 {
		s.bootstrapKilledAfter(time.Duration(random.IntN(100)) * time.Millisecond)
	}
	check(s)
}

func TestACommitSurvivesTheServersDeath(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	acknowledged := 0
	for round := range 3 {
		s.start()
		conn, err := s.connect("postgres", "admin-1")
		require.NoError(t, err)
		_, err = conn.Exec(context.Background(), "CREATE TABLE IF NOT EXISTS written (n int PRIMARY KEY)")
		require.NoError(t, err)
		server := s.server
		timer := time.AfterFunc(time.Duration(100+100*round)*time.Millisecond, func() { _ = server.Process.Kill() })
		for {
			if _, err := conn.Exec(context.Background(), "INSERT INTO written VALUES ($1)", acknowledged); err != nil {
				break
			}
			acknowledged++
		}
		timer.Stop()
		s.kill()
		s.requireBootstrap()
		s.start()
		found, err := strconv.Atoi(s.query("postgres", "admin-1", "SELECT count(*)::text FROM written"))
		require.NoError(t, err)
		require.GreaterOrEqual(t, found, acknowledged)
		acknowledged = found
		s.end(syscall.SIGINT)
		s.requireBootstrap()
	}
	require.Greater(t, acknowledged, 10)
}

// In a container the server is process 1, and after its death in a new pod the
// script is. Here both have the process id of the script.
func TestBootstrapTakesNoLockFileForItself(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	s.start()
	s.kill()
	require.FileExists(t, s.at("volume/pgdata/postmaster.pid"))
	var output []byte
	require.Eventually(t, func() bool {
		var err error
		output, err = s.command("sh", "-c", `sed -i "1s/.*/$$/" "$PGDATA/postmaster.pid" && exec sh bootstrap.sh`).CombinedOutput()
		return err == nil
	}, 30*time.Second, 50*time.Millisecond, "the script takes the lock file for a running server's")
	require.Contains(t, string(output), "bootstrap: ready")
	s.start()
	require.Equal(t, "app", s.query(AppRole, appPassword, "SELECT current_user::text"))
}

func TestBootstrapRefusesWhatItDidNotMake(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(*shard)
		want    string
	}{
		"other files": {func(s *shard) { s.write("volume/pgdata/notes", "mine") }, "holds files but no PostgreSQL data"},
		"other major": {func(s *shard) { s.write("volume/pgdata/PG_VERSION", "15\n") }, "was written by PostgreSQL 15, this image is PostgreSQL 16: " +
			"give the shard its old image back (postgres.image or postgres.images); docs/major-upgrade.md says how shards get a new version"},
		"no password":  {func(s *shard) { s.passwords("", "") }, "password"},
		"many lines":   {func(s *shard) { s.passwords("admin-1", "a;\n\nb") }, "has more than one line"},
		"wrong config": {func(s *shard) { s.write("postgresql.conf", "no_such = 1\n") }, "no_such"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShard(t)
			tc.prepare(s)
			output, err := s.bootstrap()
			require.Error(t, err)
			require.Contains(t, output, tc.want)
		})
	}
}
