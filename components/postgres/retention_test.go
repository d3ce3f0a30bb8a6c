package postgres

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// age makes a base backup older by so many days.
func (s *store) age(t *testing.T, name string, days int) {
	t.Helper()
	change(t, filepath.Join(s.folder, "backups/prod/postgres-shard-0/base", name, "backup.info"), func(text []byte) []byte {
		return regexp.MustCompile(`(?m)^end_time=.*$`).ReplaceAll(text, []byte("end_time="+time.Now().AddDate(0, 0, -days).Format("2006-01-02 15:04:05.000000-07:00")))
	})
}

// What cannot be removed is told, and tried again without another base backup.
func TestARetentionThatFailsIsTold(t *testing.T) {
	store := newStore(t)
	s := written(t, store)
	s.base()
	bases := s.listed()
	require.Len(t, bases, 2)
	for i, days := range []int{30, 20} {
		store.age(t, bases[i], days)
	}
	var refused atomic.Bool
	args := store.args(nil)
	args.Backup.Endpoint = store.guarded(func(r *http.Request) bool {
		return r.Method == http.MethodPost && r.URL.Query().Has("delete") && !refused.Swap(true)
	})
	s.configure(args)
	output, err := s.python("-c", "import sys, time; sys.path.insert(0, '"+s.folder+"'); import backup\n"+
		"b = backup.Backups()\nfor _ in range(2):\n    b.look(); print(b.metrics()); time.sleep(1.5)")
	require.NoError(t, err, output)
	told := regexp.MustCompile(`scalestack_backup_(?:retention_fails|failures_total)\{.*`).FindAllString(output, -1)
	require.Equal(t, []string{
		`scalestack_backup_failures_total{shard="shard-0"} 0`, `scalestack_backup_retention_fails{shard="shard-0"} 1`,
		`scalestack_backup_failures_total{shard="shard-0"} 0`, `scalestack_backup_retention_fails{shard="shard-0"} 0`,
	}, told, output)
	left := s.listed()
	require.Len(t, left, 2, "one was made, and one was removed")
	require.Equal(t, bases[1], left[0])
}

// A base backup that did not end cannot be restored, and goes once nobody can be at it any more.
func TestABaseBackupThatDidNotEndIsRemoved(t *testing.T) {
	store := newStore(t)
	s := written(t, store)
	before := s.listed()
	var told atomic.Int64
	args := store.args(nil)
	args.Backup.Endpoint = store.guarded(func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/backup.info") && told.Add(1) > 1
	})
	s.configure(args)
	output, err := s.python(s.at("backup.py"), "base")
	require.Error(t, err, output)
	require.Equal(t, before, s.listed())
	folders := filepath.Join(store.folder, "backups/prod/postgres-shard-0/base/*")
	all, err := filepath.Glob(folders)
	require.NoError(t, err)
	require.Len(t, all, len(before)+1)
	unfinished := all[len(all)-1]
	require.FileExists(t, filepath.Join(unfinished, "data.tar"))

	s.configure(store.args(nil))
	s.base()
	require.FileExists(t, filepath.Join(unfinished, "data.tar"), "somebody may be at it")
	for _, name := range []string{"data.tar", "backup.info"} {
		long := time.Now().AddDate(0, 0, -15)
		require.NoError(t, os.Chtimes(filepath.Join(unfinished, name), long, long))
	}
	s.base()
	require.NoFileExists(t, filepath.Join(unfinished, "data.tar"))
	require.NoFileExists(t, filepath.Join(unfinished, "backup.info"))
	require.Len(t, s.listed(), len(before)+2)
}
