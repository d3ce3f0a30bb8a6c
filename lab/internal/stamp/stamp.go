// Package stamp skips work whose inputs did not change. The stamp is stored beside the
// result and written last, so that a killed run never leaves one.
package stamp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Of hashes the names and contents of the files below dir that end in one of
// the suffixes. Tests do not count.
func Of(dir string, suffixes ...string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(path, s) }) {
			return err
		}
		if strings.HasSuffix(path, "_test.go") {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		fmt.Fprintf(h, "%q %x\n", name, sha256.Sum256(content))
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// Join makes one stamp of several.
func Join(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// Unless runs do, unless target exists and was made from the same inputs.
func Unless(target, inputs string, do func() error) error {
	file := target + ".stamp"
	old, _ := os.ReadFile(file)
	if _, err := os.Stat(target); err == nil && string(old) == inputs {
		return nil
	}
	if err := os.RemoveAll(file); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(inputs), 0o644)
}
