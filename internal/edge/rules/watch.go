package rules

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// Live holds rules that are read again when their files change. Rules that
// cannot be read leave the last good ones in force.
type Live struct {
	dir     string
	current atomic.Pointer[Rules]
	problem atomic.Pointer[error]
}

// Open reads the rules for the first time, which must succeed.
func Open(dir string) (*Live, error) {
	l := &Live{dir: dir}
	r, err := Load(dir)
	if err != nil {
		return nil, err
	}
	l.current.Store(r)
	return l, nil
}

// Current returns the rules in force.
func (l *Live) Current() *Rules { return l.current.Load() }

// Err says why the files, as they are now, are not in force.
func (l *Live) Err() error {
	if p := l.problem.Load(); p != nil {
		return *p
	}
	return nil
}

// Watch looks at the files at each interval until ctx ends. Replaced files are
// seen by their time and size; there are only a few of them.
func (l *Live) Watch(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for seen := ""; ; {
		if now := l.fingerprint(); now != seen {
			l.reload()
			seen = now
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (l *Live) reload() {
	r, err := Load(l.dir)
	if err != nil {
		l.problem.Store(&err)
		slog.Error("the rules cannot be read, the last good ones stay", "error", err)
		return
	}
	l.problem.Store(nil)
	l.current.Store(r)
	slog.Info("rules read", "zone", r.Zone, "rules", r.Count())
}

func (l *Live) fingerprint() string {
	var b strings.Builder
	filepath.WalkDir(l.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return nil
		}
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintln(&b, path, info.ModTime().UnixNano(), info.Size())
		}
		return nil
	})
	return b.String()
}
