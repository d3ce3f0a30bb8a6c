// Package manifest lists the static files of a release, so that two releases can be
// compared: the difference is what an edge has to purge.
package manifest

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Format is the version of the encoding.
const Format = 1

// Manifest is the files of one release.
type Manifest struct {
	Format int `json:"format"`
	// Files is by path, such as "/static/app.css".
	Files map[string]File `json:"files"`
}

// File is what one path answers with.
type File struct {
	// SHA256 is the content's, 64 hexadecimal digits.
	SHA256 string `json:"sha256"`
	// Immutable says that the path has a hash of the content and never answers
	// with anything else.
	Immutable bool `json:"immutable,omitempty"`
}

var (
	hash = regexp.MustCompile(`^[0-9a-f]{64}$`)
	// path has no query, no fragment and nothing that servers read differently.
	path = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+$`)
)

// Read decodes a manifest and refuses what it does not know.
func Read(r io.Reader) (*Manifest, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	m := &Manifest{}
	if err := decoder.Decode(m); err != nil {
		return nil, fmt.Errorf("is not a manifest: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("holds more than one manifest")
	}
	return m, m.check()
}

func (m *Manifest) check() error {
	if m.Format != Format {
		return fmt.Errorf("format: %d is not %d", m.Format, Format)
	}
	for name, file := range m.Files {
		switch {
		case !path.MatchString(name):
			return fmt.Errorf("files: %q is not a path such as /static/app.css", name)
		case !hash.MatchString(file.SHA256):
			return fmt.Errorf("files[%q].sha256: %q is not 64 hexadecimal digits", name, file.SHA256)
		}
	}
	return nil
}

// Write encodes the manifest, sorted by path.
func (m *Manifest) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(m)
}

// Stale returns the paths that an edge must forget when after replaces before:
//
//   - changed ones;
//   - added ones, because the edge may have kept an answer that there is no such
//     file: during a rollout a new page can ask an old pod for its files;
//   - removed ones, but for the immutable: open pages still ask for those, and
//     what the edge has of them stays right.
func Stale(before, after *Manifest) []string {
	var stale []string
	for name, file := range after.Files {
		if old, known := before.Files[name]; !known || old.SHA256 != file.SHA256 {
			stale = append(stale, name)
		}
	}
	for name, file := range before.Files {
		if _, stays := after.Files[name]; !stays && !file.Immutable {
			stale = append(stale, name)
		}
	}
	slices.SortFunc(stale, strings.Compare)
	return stale
}
