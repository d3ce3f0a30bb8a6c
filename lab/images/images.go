// Package images builds the container images that the lab runs, from packages of the Debian, Maven and Python
// registries and from the repository's own Go code, and writes them as OCI archives that
// `ctr -n k8s.io images import` takes. No image registry and no container engine is involved.
//
// Each image keeps the contract of the official image that it takes the place of, as far as the stack's manifests use
// it: user ids, entry point, environment, paths. What differs is written at the image's recipe.
//
// The archives are written with the OCI project's own types and nothing more: a client library for registries would
// bring dependencies into the lab's module for the few lines in oci.go.
package images

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/scalestack/scalestack/lab/images/maven"
)

const (
	// architecture is the only one that the PostgreSQL artifacts named in postgres.go are for.
	architecture = "amd64"
	tempPrefix   = ".tmp-"
)

// Options says where a build reads and writes. All folders are absolute.
type Options struct {
	// CacheDir keeps downloads and compiled binaries. It can be deleted at any time between builds.
	CacheDir string
	// OutDir receives one archive and one record per image.
	OutDir string
	// RepoDir is the root of the repository, whose programs are built.
	RepoDir string
	// Patroni builds the image of shards with several members too. It takes a minute, and few labs have such shards.
	Patroni bool
	// NextPostgres builds the image of the next version of PostgreSQL too.
	NextPostgres bool
	// NextMinor builds the image of a later minor version too, and with Patroni that one's.
	NextMinor bool
	// Log receives one line per step, with what it took. Nil drops them.
	Log io.Writer
}

// Image is a built image.
type Image struct {
	// Ref is the name to write into manifests. Those of the repository's programs carry a hash of their content
	// (scalestack/users:dev-<12 hex digits>): a changed binary is a changed pod template, so it rolls out, and an
	// unchanged one does not.
	Ref string
	// Refs are all names that the archive holds, Ref among them.
	Refs []string
	// Digest is the manifest's, which containerd shows for each of the names after the import.
	Digest digest.Digest
	// Tar is the archive's path.
	Tar string
	// Substitute says what the image holds in place of what its name says; empty for the real thing.
	Substitute string
	// Built reports whether this call created the archive.
	Built bool
}

// DebianPackages are the packages that Build needs on the machine, beside Go. apt-get, dpkg-deb and localedef are on
// every Debian.
func DebianPackages() []string {
	return append(maven.DebianPackages(), "python3-pip", "xz-utils")
}

// Build brings every image up to date and returns them all. An image is created only if
// its inputs changed: its recipe (this package) or its binary. It can be killed at any
// point; one build at a time may use the folders.
func Build(ctx context.Context, opts Options) ([]Image, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != architecture {
		return nil, fmt.Errorf("images: %s/%s is not linux/%s, the one platform the lab's PostgreSQL binaries are for",
			runtime.GOOS, runtime.GOARCH, architecture)
	}
	b, err := newBuilder(opts)
	if err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	recipes := append(b.programs(), b.pause(), b.redis(), b.postgres(), b.kafka(), b.postgresExporter(), b.redisExporter(), b.kafkaExporter())
	if opts.Patroni {
		recipes = append(recipes, b.patroni())
	}
	if opts.NextPostgres {
		recipes = append(recipes, b.nextPostgres())
	}
	if opts.NextMinor {
		recipes = append(recipes, b.nextMinor()...)
	}
	built := make([]Image, len(recipes))
	group, ctx := errgroup.WithContext(ctx)
	for i, r := range recipes {
		group.Go(func() (err error) {
			if built[i], err = b.image(ctx, r); err != nil {
				return fmt.Errorf("image %s: %w", r.ref, err)
			}
			return nil
		})
	}
	return built, group.Wait()
}

// builder is one call of Build.
type builder struct {
	Options
	log     sync.Mutex
	sources digest.Digest
	base    func(context.Context) (layer, error)
	// postgresFiles is the layer that the images with and without Patroni share.
	postgresFiles func(context.Context) (layer, error)
	// patroniFiles is the layer that the images with Patroni share.
	patroniFiles func(context.Context) (layer, error)
}

func newBuilder(opts Options) (*builder, error) {
	b := &builder{Options: opts}
	if b.Log == nil {
		b.Log = io.Discard
	}
	for _, dir := range []string{b.temp(), b.OutDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := b.sweep(); err != nil {
		return nil, err
	}
	var err error
	b.sources, err = sources()
	b.base = shared(b.baseLayer)
	b.postgresFiles = shared(packed(b.postgresLayer(postgres16)))
	b.patroniFiles = shared(packed(b.patroniLayer))
	return b, err
}

// cache is this package's own part of the cache, which nobody else writes to.
func (b *builder) cache(name string) string { return filepath.Join(b.CacheDir, "images", name) }

// temp is for files under way. It lies in the cache so that finished ones can be renamed into place.
func (b *builder) temp() string { return b.cache("tmp") }

// sweep removes what a killed build left.
func (b *builder) sweep() error {
	left, err := filepath.Glob(filepath.Join(b.temp(), "*"))
	if err != nil {
		return err
	}
	for _, dir := range []string{b.cache(""), b.OutDir} {
		more, err := filepath.Glob(filepath.Join(dir, tempPrefix+"*"))
		if err != nil {
			return err
		}
		left = slices.Concat(left, more)
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// step runs one step and logs what it took.
func (b *builder) step(what string, run func() error) error {
	start := time.Now()
	if err := run(); err != nil {
		return err
	}
	b.log.Lock()
	defer b.log.Unlock()
	_, err := fmt.Fprintf(b.Log, "images: %s (%.1f s)\n", what, time.Since(start).Seconds())
	return err
}

// shared makes the layer at the first call and gives it to every later one.
func shared(make func(context.Context) (layer, error)) func(context.Context) (layer, error) {
	var once sync.Once
	var l layer
	var err error
	return func(ctx context.Context) (layer, error) {
		once.Do(func() { l, err = make(ctx) })
		return l, err
	}
}

// packed makes a layer of the tree that fill makes.
func packed(fill func(context.Context) (*tree, error)) func(context.Context) (layer, error) {
	return func(ctx context.Context) (layer, error) {
		t, err := fill(ctx)
		if err != nil {
			return layer{}, err
		}
		return newLayer(t)
	}
}
