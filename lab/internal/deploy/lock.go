package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

// lock is what Pulumi's file backend writes while a command works on a stack.
type lock struct {
	PID       int       `json:"pid"`
	Username  string    `json:"username"`
	Hostname  string    `json:"hostname"`
	Timestamp time.Time `json:"timestamp"`

	file string
}

// releaseStaleLocks removes the locks of killed processes, and no other: it
// fails when somebody's pulumi still works on the stack, and when it cannot
// tell. In place of pulumi cancel, which removes every lock.
func releaseStaleLocks(p paths.Paths, log io.Writer) error {
	locks, err := readLocks(p)
	if err != nil {
		return err
	}
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	for _, l := range locks {
		if err := l.held(hostname); err != nil {
			return err
		}
	}
	for _, l := range locks {
		fmt.Fprintf(log, "removing the lock of pulumi process %d, which has ended: %s\n", l.PID, l.file)
		if err := os.Remove(l.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func readLocks(p paths.Paths) ([]lock, error) {
	files, err := filepath.Glob(filepath.Join(p.Data("pulumi"), ".pulumi", "locks", "organization", "*", Stack, "*.json"))
	if err != nil {
		return nil, err
	}
	var locks []lock
	for _, file := range files {
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its owner finished
		}
		if err != nil {
			return nil, err
		}
		l := lock{file: file}
		if err := json.Unmarshal(content, &l); err != nil || l.PID <= 0 || l.Hostname == "" {
			return nil, fmt.Errorf("%s does not say which process locked stack %s. Fix: delete it if no pulumi is running", file, Stack)
		}
		locks = append(locks, l)
	}
	return locks, nil
}

// held is an error unless the lock's process has certainly ended.
func (l lock) held(hostname string) error {
	since := l.Timestamp.Local().Format(time.DateTime)
	if l.Hostname != hostname {
		return fmt.Errorf("stack %s is locked by pulumi process %d of %s@%s since %s, and this machine is %s. "+
			"Fix: wait until it ends there, or delete %s if it has", Stack, l.PID, l.Username, l.Hostname, since, hostname, l.file)
	}
	if l.alive() {
		return fmt.Errorf("stack %s is locked: pulumi process %d of %s is working on it since %s. Fix: wait until it ends, or stop it",
			Stack, l.PID, l.Username, since)
	}
	return nil
}

// alive takes a process that it may not look at for alive. A number that was
// given to another program since then is not the lock's process.
func (l lock) alive() bool {
	if errors.Is(syscall.Kill(l.PID, 0), syscall.ESRCH) {
		return false
	}
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", l.PID))
	if errors.Is(err, fs.ErrNotExist) {
		return false // a zombie, or it ended just now
	}
	return err != nil || strings.HasPrefix(filepath.Base(program), "pulumi")
}
