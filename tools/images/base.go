package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user of the programs, the usual number for "not root" in images without a
// distribution.
const user = 65532

// pushBase makes what the Dockerfiles begin with, an empty image with the certificate
// authorities: no other registry is asked, and nothing in it has to be updated but
// these. Equal authorities give an equal digest.
func (j *job) pushBase() (name.Digest, error) {
	index, err := j.baseIndex()
	if err != nil {
		return name.Digest{}, err
	}
	digest, err := index.Digest()
	if err != nil {
		return name.Digest{}, err
	}
	ref, err := name.NewDigest(j.registry + "/base@" + digest.String())
	if err != nil {
		return name.Digest{}, err
	}
	return ref, remote.WriteIndex(ref, index, j.remote...)
}

func (j *job) baseIndex() (v1.ImageIndex, error) {
	layer, err := j.baseLayer()
	if err != nil {
		return nil, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, platform := range j.platforms {
		image, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layer)
		if err != nil {
			return nil, err
		}
		file, err := image.ConfigFile()
		if err != nil {
			return nil, err
		}
		file = file.DeepCopy()
		file.OS, file.Architecture, file.Variant = platform.OS, platform.Architecture, platform.Variant
		file.Config.User, file.Config.WorkingDir = fmt.Sprintf("%d:%d", user, user), "/"
		file.Config.Env = []string{"PATH=/", "HOME=/tmp"}
		if image, err = mutate.ConfigFile(image, file); err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	return index, nil
}

func (j *job) baseLayer() (v1.Layer, error) {
	authorities, err := os.ReadFile(j.certificates)
	if err != nil {
		return nil, fmt.Errorf("certificate authorities: %w", err)
	}
	if !bytes.Contains(authorities, []byte("-----BEGIN CERTIFICATE-----")) {
		return nil, fmt.Errorf("certificate authorities: %s holds no certificate", j.certificates)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, entry := range []struct {
		header tar.Header
		body   []byte
	}{
		{tar.Header{Typeflag: tar.TypeDir, Name: "etc/", Mode: 0o755}, nil},
		{tar.Header{Name: "etc/passwd", Mode: 0o644}, fmt.Appendf(nil, "nonroot:x:%d:%d:nonroot:/tmp:/sbin/nologin\n", user, user)},
		{tar.Header{Typeflag: tar.TypeDir, Name: "etc/ssl/", Mode: 0o755}, nil},
		{tar.Header{Typeflag: tar.TypeDir, Name: "etc/ssl/certs/", Mode: 0o755}, nil},
		{tar.Header{Name: "etc/ssl/certs/ca-certificates.crt", Mode: 0o644}, authorities},
		{tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, nil},
	} {
		entry.header.Size, entry.header.ModTime = int64(len(entry.body)), time.Unix(0, 0)
		if err := w.WriteHeader(&entry.header); err != nil {
			return nil, err
		}
		if _, err := w.Write(entry.body); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
}
