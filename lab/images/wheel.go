package images

import (
	"archive/zip"
	"context"
	"io"
	"os"
	"strings"

	"github.com/scalestack/scalestack/lab/images/pip"
)

// wheel is a package of Python's registry. Those of postgres.go and redis.go are used for the programs and libraries in them,
// those of patroni.go are Python.
type wheel struct {
	name, version, sha256 string
	// source says that the registry has a source archive only.
	source bool
}

func (w wheel) pinned() pip.Package {
	return pip.Package{Name: w.name, Version: w.version, SHA256: w.sha256, Source: w.source}
}

// String is the wheel in pip's notation.
func (w wheel) String() string { return w.pinned().String() }

// fetchWheel gives the wheel's file, from the cache or else from the registry.
func (b *builder) fetchWheel(ctx context.Context, w wheel) (file string, err error) {
	p := w.pinned()
	fetch := func() error {
		file, err = pip.Fetch(ctx, b.cache(""), b.temp(), p)
		return err
	}
	if _, missing := os.Stat(b.cache(p.File())); missing == nil {
		err = fetch()
	} else {
		err = b.step("fetched "+w.String(), fetch)
	}
	return file, err
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

// verify refuses a file that is not the published one.
func verify(file, sha256 string) error { return pip.Verify(file, sha256) }
