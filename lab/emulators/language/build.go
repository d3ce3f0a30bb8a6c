package language

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// killDelay is how long an interrupted process has to end by itself.
const killDelay = 5 * time.Second

// built is a program that is ready to start. It stays as it is until release.
type built struct {
	path    string
	release func()
}

// build compiles the package in dir to target, or without a target to a file of
// its own under PULUMI_HOME. That file stays, so that go links again only what
// has changed. The flags are those of the official host: the compiler's cache
// serves both.
func build(ctx context.Context, dir, target string) (*built, error) {
	if files, err := filepath.Glob(filepath.Join(dir, "*.go")); err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s has no Go files", dir)
	}
	kept, err := keptFor(dir)
	if err != nil {
		return nil, err
	}
	switch {
	case target == "":
		target = kept
	case !filepath.IsAbs(target):
		target = filepath.Join(dir, target)
	}
	release, err := lock(kept + ".lock")
	if err != nil {
		return nil, err
	}
	cmd := interruptible(exec.CommandContext(ctx, "go", "build", "-o", target, "-trimpath", "-buildvcs=false", "-ldflags", "-w -s"))
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		release()
		return nil, fmt.Errorf("compiling %s: go build: %w", dir, err)
	}
	if err := executable(target); err != nil {
		release()
		return nil, err
	}
	return &built{target, release}, nil
}

func executable(path string) error {
	if info, err := os.Stat(path); err != nil {
		return err
	} else if info.Mode()&0o111 == 0 {
		return errors.New("compiling made no program: the directory has no package main")
	}
	return nil
}

// keptFor names the file that the program of a directory is kept in.
func keptFor(dir string) (string, error) {
	home := os.Getenv("PULUMI_HOME")
	if home == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		home = filepath.Join(user, ".pulumi")
	}
	sum := sha256.Sum256([]byte(dir))
	folder := filepath.Join(home, "programs")
	return filepath.Join(folder, filepath.Base(dir)+"-"+hex.EncodeToString(sum[:6])), os.MkdirAll(folder, 0o755)
}

// lock keeps two runs of one program from building over each other.
func lock(path string) (release func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		file.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { file.Close() }, nil
}
