package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Moment is a copy of a server's data at one moment.
type Moment struct{ folder string }

// Keep copies the current data. It restarts the server.
func (s *Server) Keep() Moment {
	s.t.Helper()
	s.Stop()
	m := Moment{filepath.Join(s.folder, fmt.Sprintf("moment-%d", time.Now().UnixNano()))}
	s.mustRun("cp", "-a", s.data(), m.folder)
	s.Run()
	return m
}

// Restore takes the server back to a moment, as components/postgres does: on a new
// timeline, without slots, with subscriptions disabled and with the restore's name in
// the data folder.
func (s *Server) Restore(m Moment, name string) {
	s.t.Helper()
	s.Stop()
	require.NoError(s.t, os.RemoveAll(s.data()))
	s.mustRun("cp", "-a", m.folder, s.data())
	s.mustRun("sh", "-c", `rm -rf "$0"/pg_replslot/*`, s.data())
	s.append("scalestack.restores", name+"\n")
	s.append("standby.signal", "")
	private := s.command(filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", "", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port),
		"-c", "fsync=off", "-c", "wal_level=logical", "-c", "max_logical_replication_workers=0",
		// With fewer than the primary had, it does not start.
		"-c", "max_wal_senders=32", "-c", "max_worker_processes=32")
	require.NoError(s.t, private.Start())
	s.promote()
	require.NoError(s.t, private.Process.Signal(syscall.SIGINT))
	require.NoError(s.t, private.Wait())
	s.Run()
}

func (s *Server) promote() {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		conn, err := s.connect("postgres", "postgres", SuperPassword)
		if err != nil {
			return false
		}
		defer conn.Close(context.Background())
		var promoted bool
		return conn.QueryRow(context.Background(), "SELECT pg_promote()").Scan(&promoted) == nil && promoted
	}, 30*time.Second, 20*time.Millisecond, "the restored server is not promoted")
	ctx := context.Background()
	conn := s.Admin("postgres")
	rows, err := conn.Query(ctx, "SELECT datname, subname FROM pg_subscription JOIN pg_database d ON d.oid = subdbid")
	require.NoError(s.t, err)
	type subscription struct{ Database, Name string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[subscription])
	require.NoError(s.t, err)
	require.NoError(s.t, conn.Close(ctx))
	for _, one := range all {
		s.Exec(one.Database, "ALTER SUBSCRIPTION "+one.Name+" DISABLE")
	}
}
