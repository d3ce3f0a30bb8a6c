// Package pgtest runs real PostgreSQL servers for tests. They run if
// SCALESTACK_TEST_POSTGRES names a folder with initdb and postgres; otherwise the test
// is skipped and says so.
package pgtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/owner"
	"github.com/stretchr/testify/require"
)

const (
	// Variable names the folder of PostgreSQL's programs.
	Variable = "SCALESTACK_TEST_POSTGRES"
	// FsyncVariable may be "on" for measurements. Tests do without fsync, because no
	// test survives the machine.
	FsyncVariable = "SCALESTACK_TEST_FSYNC"
	// InitdbVariable may hold further arguments of initdb, separated by blanks.
	InitdbVariable = "SCALESTACK_TEST_INITDB"
)

// Passwords of the servers' roles: of the superuser, of those of package owner, and of app.
const (
	SuperPassword = "super-secret"
	AdminPassword = "admin-secret"
	OwnerPassword = "owner-secret"
	AppPassword   = "app-secret"
)

// unprivileged is the user that runs the servers when the tests run as root: PostgreSQL
// refuses root, and a user without a name.
const unprivileged = "nobody"

// Server is one PostgreSQL server with the roles postgres and app.
type Server struct {
	// Port is where it listens on 127.0.0.1, the same after a restart.
	Port int

	t      *testing.T
	bin    string
	folder string
	// runAs is nil to run as the tests' own user.
	runAs *syscall.Credential
	// encrypted means that the server's own connections verify it.
	encrypted bool
	// owned means that what the superuser makes gets its owner at once.
	owned bool
	// configured means that the settings are those of Configure.
	configured bool
	cmd        *exec.Cmd
	ended      chan struct{}
}

// Start runs a new server with one database until the test ends.
func Start(t *testing.T, database string) *Server {
	t.Helper()
	bin := os.Getenv(Variable)
	if bin == "" {
		t.Skipf("needs a real PostgreSQL: set %s to the folder of initdb and postgres", Variable)
	}
	s := &Server{t: t, bin: bin, Port: freePort(t)}
	s.makeFolder()
	s.initialise()
	s.Run()
	t.Cleanup(s.Stop)
	s.Exec("postgres", "CREATE ROLE app LOGIN PASSWORD '"+AppPassword+"'")
	s.Exec("postgres", "CREATE DATABASE "+database)
	return s
}

// makeFolder does not use t.TempDir, which only the tests' user may enter.
func (s *Server) makeFolder() {
	folder, err := os.MkdirTemp("", "pgtest")
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = os.RemoveAll(folder) })
	s.folder = folder
	if os.Getuid() != 0 {
		return
	}
	other, err := user.Lookup(unprivileged)
	require.NoError(s.t, err)
	uid, uidErr := strconv.ParseUint(other.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(other.Gid, 10, 32)
	require.NoError(s.t, errors.Join(uidErr, gidErr))
	s.runAs = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	require.NoError(s.t, os.Chown(folder, int(uid), int(gid)))
}

func freePort(t *testing.T) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func (s *Server) initdb(data string) {
	password := filepath.Join(s.folder, "password")
	require.NoError(s.t, os.WriteFile(password, []byte(SuperPassword), 0o644))
	s.mustRun(filepath.Join(s.bin, "initdb"), append(strings.Fields(os.Getenv(InitdbVariable)), "-D", data, "-U", "postgres", "--pwfile", password,
		"-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync",
		// Tests connect thousands of times, and most of that time would go into 4,096
		// rounds of hashing a password on both sides.
		"--set", "scram_iterations=1")...)
}

// mustRun runs a program to completion as the server's user.
func (s *Server) mustRun(program string, args ...string) {
	s.t.Helper()
	output, err := s.command(program, args...).CombinedOutput()
	require.NoError(s.t, err, string(output))
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

func (s *Server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = s.folder
	// A server that connects to another one with TLS looks for a client certificate in
	// its home folder.
	cmd.Env = append(os.Environ(), "HOME="+s.folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.runAs}
	return cmd
}

// Run starts the server again and waits until it answers.
func (s *Server) Run() {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		if !s.running() {
			s.spawn()
		}
		conn, err := s.connect("postgres", "postgres", SuperPassword)
		if err != nil {
			return false
		}
		return conn.Close(context.Background()) == nil
	}, 30*time.Second, 20*time.Millisecond, "the server does not start")
}

func (s *Server) running() bool {
	if s.cmd == nil {
		return false
	}
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

func (s *Server) spawn() {
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(s.t, err)
	defer log.Close()
	cmd := s.command(filepath.Join(s.bin, "postgres"), append(s.settings(), "-D", s.data(), "-k", "", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port))...)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(s.t, cmd.Start())
	ended := make(chan struct{})
	s.cmd, s.ended = cmd, ended
	go func() { _ = cmd.Wait(); close(ended) }()
}

// settings are those for tests, or those that Configure must not change.
func (s *Server) settings() []string {
	if s.configured {
		return []string{"-c", "hba_file=" + filepath.Join(s.data(), "pg_hba.conf")}
	}
	return []string{"-c", "fsync=" + cmp.Or(os.Getenv(FsyncVariable), "off"), "-c", "shared_buffers=16MB", "-c", "wal_level=logical",
		"-c", "max_replication_slots=32", "-c", "max_wal_senders=32", "-c", "max_worker_processes=32",
		"-c", "max_logical_replication_workers=16", "-c", "max_sync_workers_per_subscription=4",
		// A subscriber's worker that failed restarts soon.
		"-c", "wal_retrieve_retry_interval=200ms"}
}

// Configure replaces the tests' settings with a postgresql.conf, except for where the
// server listens, and restarts it. Its standbys get the same.
func (s *Server) Configure(config string) {
	s.t.Helper()
	s.Stop()
	require.NoError(s.t, os.WriteFile(filepath.Join(s.data(), "postgresql.conf"), []byte(config), 0o600))
	s.configured = true
	s.Run()
}

// Stop stops the server and every connection to it.
func (s *Server) Stop() { s.signal(syscall.SIGINT) }

// Kill stops the server as a failing machine would, without a shutdown. It returns once
// no session's process answers any more.
func (s *Server) Kill() {
	s.t.Helper()
	if s.cmd == nil {
		return
	}
	process := s.cmd.Process.Pid
	s.signal(syscall.SIGKILL)
	require.Eventually(s.t, func() bool { return !sharesMemory(s.t, process) }, 30*time.Second, time.Millisecond,
		"the killed server's processes do not end")
}

// sharesMemory reports whether a process of this postmaster is still running. Sessions
// outlive a killed postmaster for a moment, and each is attached to its segment of
// shared memory.
func sharesMemory(t *testing.T, postmaster int) bool {
	segments, err := os.ReadFile("/proc/sysvipc/shm")
	require.NoError(t, err)
	for line := range strings.Lines(string(segments)) {
		// key, shmid, perms, size, cpid (who made it), lpid, nattch (how many are attached) …
		if fields := strings.Fields(line); fields[4] == strconv.Itoa(postmaster) && fields[6] != "0" {
			return true
		}
	}
	return false
}

func (s *Server) signal(signal syscall.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(signal)
	<-s.ended
	s.cmd = nil
}

// Exec runs a statement as the superuser. What it makes in a shard's database gets its owner.
func (s *Server) Exec(database, sql string, args ...any) {
	s.t.Helper()
	conn := s.Admin(database)
	defer conn.Close(context.Background())
	_, err := conn.Exec(context.Background(), sql, args...)
	require.NoError(s.t, err)
	if s.owned && database != "postgres" && strings.Contains(sql, "CREATE ") {
		s.Own(database)
	}
}

// Count returns the number that a query as the superuser yields.
func (s *Server) Count(database, sql string, args ...any) int {
	s.t.Helper()
	conn := s.Admin(database)
	defer conn.Close(context.Background())
	var count int
	require.NoError(s.t, conn.QueryRow(context.Background(), sql, args...).Scan(&count))
	return count
}

// ChangePassword gives the mover another one.
func (s *Server) ChangePassword(password string) {
	s.t.Helper()
	s.Exec("postgres", "ALTER ROLE "+owner.Mover+" PASSWORD '"+password+"'")
}

// Own does what a shard's pod does again and again: the roles of package owner get what is theirs.
func (s *Server) Own(database string) {
	s.t.Helper()
	conn := s.Admin(database)
	defer conn.Close(context.Background())
	for _, statement := range owner.Statements() {
		_, err := conn.Exec(context.Background(), statement)
		require.NoError(s.t, err)
	}
	s.owned = true
}

// Admin connects as the superuser.
func (s *Server) Admin(database string) *pgx.Conn {
	s.t.Helper()
	conn, err := s.connect(database, "postgres", SuperPassword)
	require.NoError(s.t, err)
	return conn
}

// App connects as a service does.
func (s *Server) App(database string) *pgx.Conn {
	s.t.Helper()
	conn, err := s.connect(database, "app", AppPassword)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (s *Server) connect(database, role, password string) (*pgx.Conn, error) {
	tls := "sslmode=disable"
	if s.encrypted {
		tls = "sslmode=verify-full&sslrootcert=" + s.Authorities()
	}
	return pgx.Connect(context.Background(),
		fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?%s&connect_timeout=5", role, password, s.Port, database, tls))
}

// Log returns what the server has logged.
func (s *Server) Log() string {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.folder, "log"))
	require.NoError(s.t, err)
	return string(content)
}
