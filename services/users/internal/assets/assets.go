// Package assets holds the service's static files.
//
// Each file has two paths: its plain one, for links that people write, and one with a
// hash of its content in its name, for references from pages, which browsers and the
// edge may keep for ever. The hash is computed from the embedded content, so it cannot
// be wrong.
package assets

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed files
var embedded embed.FS

// Folders are the paths below which everything is an asset.
func Folders() []string { return []string{"/static/", "/images/", "/js/"} }

const (
	// forever is for a path whose answer never changes.
	forever = "public, max-age=31536000, immutable"
	// briefly bounds how long a release goes unseen. A cache may answer with
	// what it has while it asks again, and for a day if it gets no answer.
	briefly = "public, max-age=300, stale-while-revalidate=60, stale-if-error=86400"
	// nameDigits of the hash are in a name: 64 bits.
	nameDigits = 16
)

// types are stated here, since those that the system knows differ by machine.
var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// Assets are files in memory, by path.
type Assets struct{ files map[string]*file }

type file struct {
	content         []byte
	hash, kind, tag string
	immutable       bool
}

// Embedded returns the files of this binary.
func Embedded() *Assets {
	root, err := fs.Sub(embedded, "files")
	if err != nil {
		panic(err) // The folder is part of the binary.
	}
	a, err := load(root)
	if err != nil {
		panic(err)
	}
	return a
}

func load(root fs.FS) (*Assets, error) {
	a := &Assets{files: map[string]*file{}}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		return a.add("/"+name, content)
	})
	return a, err
}

func (a *Assets) add(name string, content []byte) error {
	extension := path.Ext(name)
	kind, known := types[extension]
	if !known {
		return fmt.Errorf("%s: the content type of %q is not known", name, extension)
	}
	sum := sha256.Sum256(content)
	folder, _, _ := strings.Cut(name[1:], "/")
	plain := file{content: content, hash: hex.EncodeToString(sum[:]), kind: kind, tag: folder}
	hashed := plain
	hashed.immutable = true
	a.files[name] = &plain
	a.files[hashedName(name, plain.hash)] = &hashed
	return nil
}

func hashedName(name, hash string) string {
	extension := path.Ext(name)
	return strings.TrimSuffix(name, extension) + "." + hash[:nameDigits] + extension
}

// Immutable returns the path of a file that pages refer to: the one with the hash.
func (a *Assets) Immutable(name string) (string, error) {
	f, found := a.files[name]
	if !found {
		return "", fmt.Errorf("there is no file %s", name)
	}
	return hashedName(name, f.hash), nil
}

// Serve answers with the file at the request's path and reports whether there
// is one. Without one nothing is written.
func (a *Assets) Serve(w http.ResponseWriter, r *http.Request) bool {
	f, found := a.files[r.URL.Path]
	if !found {
		return false
	}
	header := w.Header()
	header.Set("Content-Type", f.kind)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", briefly)
	if f.immutable {
		header.Set("Cache-Control", forever)
	}
	header.Set("ETag", `"`+f.hash[:2*nameDigits]+`"`)
	// Cloudflare takes the tag for purges and does not show it to visitors.
	header.Set("Cache-Tag", f.tag)
	// No time: the binary's files have none, and the ETag says more.
	http.ServeContent(w, r, r.URL.Path, time.Time{}, bytes.NewReader(f.content))
	return true
}
