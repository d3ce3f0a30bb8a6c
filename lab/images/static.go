package images

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/scalestack/scalestack/lab/images/command"
)

// programUser is the usual number for "not root" in images without a distribution.
const programUser owner = 65532

// programs are the images of the repository's own Go programs.
func (b *builder) programs() []recipe {
	return []recipe{
		b.program("users", "Scalestack users, the reference service", "services/users"),
		b.program("shardctl", "Scalestack shardctl", "sharding"),
	}
}

// program is one static binary and nothing else: cmd/<name> of a module.
func (b *builder) program(name, title, module string) recipe {
	binary := goBinary{name: name, module: filepath.Join(b.RepoDir, module), pkg: "./cmd/" + name}
	return recipe{
		ref:        "scalestack/" + name + ":dev",
		title:      title,
		source:     module + "/cmd/" + name,
		contentTag: true,
		config: ocispec.ImageConfig{
			User:         fmt.Sprintf("%d:%d", programUser, programUser),
			Env:          []string{"PATH=/", "HOME=/tmp"},
			Entrypoint:   []string{"/" + name},
			WorkingDir:   "/",
			ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		},
		inputs: func(ctx context.Context) (digest.Digest, error) { return b.compile(ctx, binary) },
		layers: func(context.Context) ([]layer, error) {
			return b.static(binary, func(t *tree) {
				account(t, name, programUser, "/tmp", "/sbin/nologin")
				t.dir("tmp", 0o1777, root)
			})
		},
	}
}

// pause takes the place of Kubernetes' own pause image, which is in no package registry.
func (b *builder) pause() recipe {
	binary := goBinary{name: "pause", module: filepath.Join(b.RepoDir, "lab"), pkg: "./images/pause"}
	return recipe{
		ref:    "scalestack/pause:lab",
		title:  "Scalestack lab pause",
		source: "lab/images/pause",
		config: ocispec.ImageConfig{User: "65535:65535", Entrypoint: []string{"/pause"}, WorkingDir: "/"},
		inputs: func(ctx context.Context) (digest.Digest, error) { return b.compile(ctx, binary) },
		layers: func(context.Context) ([]layer, error) { return b.static(binary, func(*tree) {}) },
	}
}

// goBinary is a main package of this repository.
type goBinary struct{ name, module, pkg string }

func (b *builder) path(g goBinary) string { return filepath.Join(b.cache("bin"), g.name) }

// compile builds the binary, which the go command does only when its sources changed, and gives its hash. Neither the
// machine's paths nor the commit get into the binary, so that equal sources give an equal image.
func (b *builder) compile(ctx context.Context, g goBinary) (digest.Digest, error) {
	err := b.step("compiled "+g.name, func() error {
		return command.Command{
			Dir: g.module,
			// With its temporary files beside the target, the go command renames the result into place.
			Env:  []string{"CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOTMPDIR=" + b.temp()},
			Name: "go",
			Args: []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", b.path(g), g.pkg},
		}.Run(ctx)
	})
	if err != nil {
		return "", err
	}
	file, err := os.Open(b.path(g))
	if err != nil {
		return "", err
	}
	defer file.Close()
	return digest.FromReader(file)
}

// static is an image of one binary in the root folder.
func (b *builder) static(g goBinary, rest func(*tree)) ([]layer, error) {
	body, err := os.ReadFile(b.path(g))
	if err != nil {
		return nil, err
	}
	t := newTree()
	t.file(g.name, 0o755, body)
	rest(t)
	l, err := newLayer(t)
	return []layer{l}, err
}
