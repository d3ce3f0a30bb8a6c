package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/stretchr/testify/require"
)

// Standby is a copy of a server that follows it by streaming replication, with a slot
// like Patroni's. The server acknowledges a commit once the copy has it.
type Standby struct {
	of   *Server
	copy *Server
}

// Port is where the standby itself listens.
func (b *Standby) Port() int { return b.copy.Port }

// Follow makes a standby of the server.
func (s *Server) Follow() *Standby {
	s.t.Helper()
	standby := s.FollowAs("standby", "wal_receiver_timeout = 1000\n")
	s.WaitFor("standby", 1)
	return standby
}

// FollowAs creates a standby with its own name and settings. No commit waits for it
// yet.
func (s *Server) FollowAs(name, settings string) *Standby {
	s.t.Helper()
	c := &Server{Port: freePort(s.t), t: s.t, bin: s.bin, runAs: s.runAs, configured: s.configured}
	c.makeFolder()
	s.t.Cleanup(c.Stop)
	s.backup(c.data())
	conninfo := fmt.Sprintf("primary_conninfo = 'host=127.0.0.1 port=%d user=postgres password=%s application_name=%s'\n", s.Port, SuperPassword, name)
	s.Exec("postgres", "SELECT pg_create_physical_replication_slot($1) WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1)", name)
	c.append("postgresql.auto.conf", conninfo+"primary_slot_name = '"+name+"'\n"+settings)
	c.append("standby.signal", "")
	c.Run()
	return &Standby{of: s, copy: c}
}

// WaitFor sets synchronous_standby_names, and returns once that many standbys may
// acknowledge a commit.
func (s *Server) WaitFor(names string, standbys int) {
	s.t.Helper()
	s.Exec("postgres", "ALTER SYSTEM SET synchronous_standby_names = '"+names+"'")
	s.Exec("postgres", "SELECT pg_reload_conf()")
	require.Eventually(s.t, func() bool {
		return s.Count("postgres", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')") == standbys
	}, 30*time.Second, 10*time.Millisecond, "the standbys do not follow")
}

// backup copies the data of the running server.
func (s *Server) backup(data string) {
	s.t.Helper()
	ctx := context.Background()
	conn := s.Admin("postgres")
	defer conn.Close(ctx)
	_, err := conn.Exec(ctx, "SELECT pg_backup_start('standby', true)")
	require.NoError(s.t, err)
	// Files may disappear while they are copied; the log makes up for that.
	_ = s.command("cp", "-R", s.data(), data).Run()
	var label string
	require.NoError(s.t, conn.QueryRow(ctx, "SELECT labelfile FROM pg_backup_stop(false)").Scan(&label))
	for _, left := range []string{"postmaster.pid", "postmaster.opts", "pg_replslot"} {
		require.NoError(s.t, os.RemoveAll(filepath.Join(data, left)))
	}
	s.mustRun("mkdir", "-m", "0700", filepath.Join(data, "pg_replslot"))
	// What has come since the copy began.
	s.mustRun("cp", "-R", filepath.Join(s.data(), "pg_wal"), data)
	copied := &Server{t: s.t, folder: filepath.Dir(data), runAs: s.runAs}
	copied.append("backup_label", label)
}

// append adds to a file of the data folder, as the server's user.
func (s *Server) append(name, text string) {
	s.t.Helper()
	cmd := s.command("sh", "-c", `cat >>"$0"`, filepath.Join(s.data(), name))
	in, err := cmd.StdinPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Start())
	_, err = in.Write([]byte(text))
	require.NoError(s.t, err)
	require.NoError(s.t, in.Close())
	require.NoError(s.t, cmd.Wait())
}

// TakeOver kills the server and puts its promoted standby at its address, like a
// Service that follows the primary.
func (b *Standby) TakeOver() {
	b.of.t.Helper()
	b.of.Kill()
	b.copy.Exec("postgres", "SELECT pg_promote()")
	b.copy.Exec("postgres", "ALTER SYSTEM RESET synchronous_standby_names")
	b.copy.Stop()
	b.of.folder = b.copy.folder
	b.of.Run()
}
