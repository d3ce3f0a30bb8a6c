package images

import (
	"context"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

const redisUser owner = 999

// redisPackages are what Debian's redis-server needs beyond the base.
var redisPackages = []string{
	"redis-server", "redis-tools",
	"libatomic1", "libcap2", "libgcrypt20", "libgpg-error0", "libjemalloc2", "liblz4-1", "liblzf1", "liblzma5",
	"libssl3", "libsystemd0", "libzstd1",
}

// redisSubstitute is shown wherever the image is: no registry within reach publishes 7.2.4.
const redisSubstitute = "Redis 7.0.15 from Debian, in the place of Redis 7.2.4"

// redis keeps the official image's user, entry point, folders and ports.
func (b *builder) redis() recipe {
	return recipe{
		ref:        "redis:7.2.4",
		title:      "Redis 7.0.15",
		source:     "Debian's redis-server",
		substitute: redisSubstitute,
		config: ocispec.ImageConfig{
			Env: []string{
				"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				"REDIS_VERSION=7.0.15",
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
	if err := b.debian(ctx, t, redisPackages...); err != nil {
		return nil, err
	}
	account(t, "redis", redisUser, "/home/redis", "/bin/sh")
	t.dir("data", 0o755, redisUser)
	t.file("SUBSTITUTE", 0o644, []byte(redisSubstitute+"\n"))
	// The official image has its programs in /usr/local/bin.
	for _, name := range []string{"redis-server", "redis-cli", "redis-benchmark", "redis-check-aof", "redis-check-rdb"} {
		t.symlink("usr/local/bin/"+name, "/usr/bin/"+name)
	}
	return t, copyFile(t, "files/redis/docker-entrypoint.sh", "usr/local/bin/docker-entrypoint.sh", 0o755)
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
