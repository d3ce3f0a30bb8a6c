package assets

import (
	"encoding/json"
	"io"
)

// Manifest lists the files of a release in the format that cmd/purge reads;
// docs/cdn-operations.md describes it.
type Manifest struct {
	// Format is the version of the encoding, 1.
	Format int `json:"format"`
	// Files is by path, such as "/static/app.css".
	Files map[string]ManifestFile `json:"files"`
}

// ManifestFile is what one path answers with.
type ManifestFile struct {
	// SHA256 is the content's, 64 hexadecimal digits.
	SHA256 string `json:"sha256"`
	// Immutable says that the path has a hash of the content and never answers
	// with anything else.
	Immutable bool `json:"immutable,omitempty"`
}

// Manifest lists the files for a comparison with another release.
func (a *Assets) Manifest() *Manifest {
	m := &Manifest{Format: 1, Files: map[string]ManifestFile{}}
	for name, f := range a.files {
		m.Files[name] = ManifestFile{SHA256: f.hash, Immutable: f.immutable}
	}
	return m
}

// Write encodes the manifest, sorted by path.
func (m *Manifest) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(m)
}
