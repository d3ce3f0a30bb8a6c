package images

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const substituteLabel = "dev.scalestack.substitute"

// own is this package itself: the recipes are an input of every image, and files holds the scripts they copy.
//
//go:embed *.go files
var own embed.FS

// recipe is how one image is made.
type recipe struct {
	ref        string
	title      string
	source     string
	substitute string
	config     ocispec.ImageConfig
	// contentTag adds a second name that carries a hash of the content.
	contentTag bool
	// inputs identifies what the layers are made of besides this package; it is asked on every build.
	inputs func(context.Context) (digest.Digest, error)
	layers func(context.Context) ([]layer, error)
}

// record is what is remembered of a built image, beside its archive.
type record struct {
	Inputs digest.Digest `json:"inputs"`
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`
}

// image brings one image up to date.
func (b *builder) image(ctx context.Context, r recipe) (Image, error) {
	inputs := b.sources
	if r.inputs != nil {
		own, err := r.inputs(ctx)
		if err != nil {
			return Image{}, err
		}
		inputs = digest.FromString(b.sources.String() + own.String())
	}
	base := filepath.Join(b.OutDir, strings.NewReplacer("/", "-", ":", "-").Replace(r.ref))
	archive, note := base+".tar", base+".json"
	if old, ok := upToDate(archive, note, inputs); ok {
		err := b.step(r.ref+" is up to date", func() error { return nil })
		return r.result(archive, old.Digest, false), err
	}
	made := record{Inputs: inputs}
	err := b.step("built "+r.ref, func() error { return b.make(ctx, r, archive, note, &made) })
	return r.result(archive, made.Digest, true), err
}

func (b *builder) make(ctx context.Context, r recipe, archive, note string, made *record) error {
	// Without its record an archive counts as absent, so a kill between the two files costs one more build.
	if err := os.Remove(note); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	layers, err := r.layers(ctx)
	if err != nil {
		return err
	}
	img, err := newImage(r.labelled(), layers)
	if err != nil {
		return err
	}
	made.Digest = img.manifest.descriptor.Digest
	if err := img.write(archive, r.refs(made.Digest)); err != nil {
		return err
	}
	info, err := os.Stat(archive)
	if err != nil {
		return err
	}
	made.Size = info.Size()
	body, err := json.Marshal(made)
	if err != nil {
		return err
	}
	return writeFile(note, body)
}

func upToDate(archive, note string, inputs digest.Digest) (record, bool) {
	var old record
	body, err := os.ReadFile(note)
	if err != nil || json.Unmarshal(body, &old) != nil {
		return old, false
	}
	info, err := os.Stat(archive)
	return old, err == nil && old.Inputs == inputs && old.Size == info.Size()
}

func (r recipe) result(archive string, d digest.Digest, built bool) Image {
	refs := r.refs(d)
	return Image{Ref: refs[0], Refs: refs, Digest: d, Tar: archive, Substitute: r.substitute, Built: built}
}

// refs are the image's names, the one for manifests first.
func (r recipe) refs(d digest.Digest) []string {
	if !r.contentTag || d == "" {
		return []string{r.ref}
	}
	return []string{r.ref + "-" + d.Encoded()[:12], r.ref}
}

func (r recipe) labelled() ocispec.ImageConfig {
	config := r.config
	config.Labels = map[string]string{
		"org.opencontainers.image.title":       r.title,
		"org.opencontainers.image.description": "Built by the Scalestack lab from " + r.source,
	}
	maps.Copy(config.Labels, r.config.Labels)
	if r.substitute != "" {
		config.Labels[substituteLabel] = r.substitute
	}
	return config
}

// sources is a hash of this package without its tests.
func sources() (digest.Digest, error) {
	hash := sha256.New()
	err := fs.WalkDir(own, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		body, err := own.ReadFile(path)
		fmt.Fprintf(hash, "%s %d\n%s", path, len(body), body)
		return err
	})
	return digest.NewDigest(digest.SHA256, hash), err
}
