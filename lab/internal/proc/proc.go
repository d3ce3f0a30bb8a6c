// Package proc keeps the lab's long-running processes. A process is recognised by a
// marker in its environment rather than by a file with its process id: whatever was
// killed in between, the kernel's own list cannot be stale.
package proc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	markName = "SCALESTACK_LAB_PROCESS"
	markSpec = "SCALESTACK_LAB_SPEC"
	markHome = "SCALESTACK_LAB_HOME"
)

// Spec is a process as it should run.
type Spec struct {
	// Name distinguishes it from the lab's other processes.
	Name string
	// Path is the program's absolute path.
	Path string
	Args []string
	Env  []string
	// Home is the lab it belongs to.
	Home string
	// Log receives its output.
	Log string
	// Files are what a restart must follow: configuration that is read at the
	// start only, and what tells one build of the program from another.
	Files []string
}

// Ensure starts the process unless it already runs exactly as specified. It
// reports whether it started one.
func Ensure(ctx context.Context, s Spec) (bool, error) {
	want, err := s.fingerprint()
	if err != nil {
		return false, err
	}
	for _, p := range find(func(p process) bool { return p.name == s.Name && p.leader }) {
		if p.spec == want && p.home == s.Home {
			return false, nil
		}
		if err := stop(ctx, []process{p}, 20*time.Second); err != nil {
			return false, err
		}
	}
	return true, s.start(want)
}

func (s Spec) start(fingerprint string) error {
	if err := os.MkdirAll(filepath.Dir(s.Log), 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(s.Log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(s.Path, s.Args...)
	cmd.Env = append([]string{
		"PATH=" + filepath.Dir(s.Path) + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		markName + "=" + s.Name, markSpec + "=" + fingerprint, markHome + "=" + s.Home,
	}, s.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	closeInherited()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.Name, err)
	}
	go cmd.Wait() // reaps it if it ends while this process lives
	return nil
}

// closeInherited keeps files that this process inherited from its caller out of a process that outlives both: under
// flock the lab would hold the lock for ever. Go's own files are closed anyway.
func closeInherited() {
	files, _ := filepath.Glob("/proc/self/fd/*")
	for _, file := range files {
		if fd, err := strconv.Atoi(filepath.Base(file)); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// fingerprint changes with everything that needs a restart.
func (s Spec) fingerprint() (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q", s.Path, s.Args, s.Env)
	for _, file := range s.Files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, " %x", sha256.Sum256(content))
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// Running returns the names of the lab's processes, and the home of the lab
// that they belong to. A machine has room for one lab.
func Running() (names []string, home string) {
	for _, p := range find(func(p process) bool { return p.leader }) {
		names = append(names, p.name)
		home = p.home
	}
	return names, home
}

// Find is the number of the named process, or zero if it does not run.
func Find(name string) int {
	for _, p := range find(func(p process) bool { return p.leader && p.name == name }) {
		return p.pid
	}
	return 0
}

// Stop ends the named process with SIGTERM, and with SIGKILL after the grace
// period. Without a name it ends every process of the lab, children too.
func Stop(ctx context.Context, grace time.Duration, names ...string) error {
	wanted := strings.Join(names, " ")
	return stop(ctx, find(func(p process) bool {
		return len(names) == 0 || p.leader && strings.Contains(" "+wanted+" ", " "+p.name+" ")
	}), grace)
}

func stop(ctx context.Context, list []process, grace time.Duration) error {
	for _, p := range list {
		syscall.Kill(p.pid, syscall.SIGTERM)
	}
	if waitGone(ctx, list, grace) {
		return nil
	}
	for _, p := range list {
		if p.alive() {
			syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
	if !waitGone(ctx, list, 10*time.Second) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%d processes of the lab do not end", len(list))
	}
	return nil
}

func waitGone(ctx context.Context, list []process, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for {
		alive := false
		for _, p := range list {
			alive = alive || p.alive()
		}
		if !alive {
			return true
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return false
		}
		time.Sleep(50 * time.Millisecond)
	}
}
