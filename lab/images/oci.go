package images

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// nameAnnotation is what containerd's import reads the full image name from.
const nameAnnotation = "io.containerd.image.name"

// blob is a piece of content that is stored under its digest.
type blob struct {
	descriptor ocispec.Descriptor
	body       []byte
}

// layer is a compressed tree; diffID is the digest of its plain tar.
type layer struct {
	blob
	diffID digest.Digest
}

func newBlob(mediaType string, body []byte) blob {
	return blob{body: body, descriptor: ocispec.Descriptor{
		MediaType: mediaType, Digest: digest.FromBytes(body), Size: int64(len(body)),
	}}
}

func newJSONBlob(mediaType string, value any) (blob, error) {
	body, err := json.Marshal(value)
	return newBlob(mediaType, body), err
}

func newLayer(t *tree) (layer, error) {
	plain, err := t.tar()
	if err != nil {
		return layer{}, err
	}
	var packed bytes.Buffer
	// Speed counts, size does not: the archive never leaves the machine.
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return layer{}, err
	}
	if _, err := zip.Write(plain); err != nil {
		return layer{}, err
	}
	if err := zip.Close(); err != nil {
		return layer{}, err
	}
	return layer{
		blob:   newBlob(ocispec.MediaTypeImageLayerGzip, packed.Bytes()),
		diffID: digest.FromBytes(plain),
	}, nil
}

// image is a manifest with all that it refers to.
type image struct {
	manifest blob
	blobs    []blob
}

func newImage(config ocispec.ImageConfig, layers []layer) (image, error) {
	content := ocispec.Image{
		Created:  &epoch,
		Platform: ocispec.Platform{OS: "linux", Architecture: architecture},
		Config:   config,
		RootFS:   ocispec.RootFS{Type: "layers"},
	}
	var blobs []blob
	var descriptors []ocispec.Descriptor
	for _, l := range layers {
		content.RootFS.DiffIDs = append(content.RootFS.DiffIDs, l.diffID)
		descriptors = append(descriptors, l.descriptor)
		blobs = append(blobs, l.blob)
	}
	cfg, err := newJSONBlob(ocispec.MediaTypeImageConfig, content)
	if err != nil {
		return image{}, err
	}
	manifest, err := newJSONBlob(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    cfg.descriptor,
		Layers:    descriptors,
	})
	return image{manifest: manifest, blobs: append(blobs, cfg, manifest)}, err
}

// index lists the image once for each of its names.
func (i image) index(refs []string) (blob, error) {
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	for _, ref := range refs {
		full, err := reference.ParseDockerRef(ref)
		if err != nil {
			return blob{}, err
		}
		d := i.manifest.descriptor
		d.Annotations = map[string]string{nameAnnotation: full.String()}
		index.Manifests = append(index.Manifests, d)
	}
	return newJSONBlob(ocispec.MediaTypeImageIndex, index)
}

// write makes the OCI archive at file, whole or not at all.
func (i image) write(file string, refs []string) error {
	index, err := i.index(refs)
	if err != nil {
		return err
	}
	layout, err := newJSONBlob("", ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
	if err != nil {
		return err
	}
	t := newTree()
	t.file(ocispec.ImageLayoutFile, 0o644, layout.body)
	t.file(ocispec.ImageIndexFile, 0o644, index.body)
	for _, b := range i.blobs {
		d := b.descriptor.Digest
		t.file(filepath.Join(ocispec.ImageBlobsDir, d.Algorithm().String(), d.Encoded()), 0o644, b.body)
	}
	body, err := t.tar()
	if err != nil {
		return err
	}
	return writeFile(file, body)
}

// writeFile replaces a file in one step, so that a kill leaves the old one or the new one.
func writeFile(file string, body []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), tempPrefix)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(body); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
