package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// owner is the uid and gid of an entry, the same number in all our images.
type owner int

const root owner = 0

// tree is the content of one layer. It is held in memory (the largest is near 250 MB) so that it can be written in
// path order with fixed times: the same content always gives the same bytes.
type tree struct {
	entries map[string]entry
}

type entry struct {
	header tar.Header
	body   []byte
}

func newTree() *tree { return &tree{entries: map[string]entry{}} }

func (t *tree) dir(name string, mode int64, who owner) {
	t.put(tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode, Uid: int(who), Gid: int(who)}, nil)
}

func (t *tree) file(name string, mode int64, body []byte) {
	t.put(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}, body)
}

func (t *tree) symlink(name, target string) {
	t.put(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
}

func (t *tree) put(h tar.Header, body []byte) {
	h.Name = clean(h.Name)
	h.Size = int64(len(body))
	t.entries[h.Name] = entry{header: h, body: body}
}

// place says where a file of a package goes in the image; an empty answer leaves it out.
type place func(name string) string

// unpack adds the entries of a tar stream. Folders are left out: parents makes those that files need, and an image
// names the others itself.
func (t *tree) unpack(r io.Reader, to place) error {
	archive := tar.NewReader(r)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.add(h, archive, to); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

func (t *tree) add(h *tar.Header, body io.Reader, to place) error {
	name := to(clean(h.Name))
	if name == "" || h.Typeflag == tar.TypeDir {
		return nil
	}
	switch h.Typeflag {
	case tar.TypeReg:
		data, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		t.file(name, h.Mode&0o7777, data)
	case tar.TypeSymlink:
		t.symlink(name, h.Linkname)
	case tar.TypeLink:
		first, ok := t.entries[clean(to(clean(h.Linkname)))]
		if !ok {
			return fmt.Errorf("hard link to %s, which is not in the layer", h.Linkname)
		}
		t.file(name, first.header.Mode, first.body)
	default:
		return fmt.Errorf("entry type %q is not a file, folder or link", h.Typeflag)
	}
	return nil
}

// tar writes the layer, each entry after its folder.
func (t *tree) tar() ([]byte, error) {
	t.parents()
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(t.entries)) {
		e := t.entries[name]
		e.header.ModTime = epoch
		if e.header.Typeflag == tar.TypeDir {
			e.header.Name += "/"
		}
		if err := archive.WriteHeader(&e.header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(e.body); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// parents adds every missing folder, open to all to read as Debian's are.
func (t *tree) parents() {
	for _, name := range slices.Collect(maps.Keys(t.entries)) {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := t.entries[dir]; !ok {
				t.dir(dir, 0o755, root)
			}
		}
	}
}

// epoch is the time of every file and image, so that a build does not depend on when it ran.
var epoch = time.Unix(0, 0).UTC()

func clean(name string) string {
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}
