package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// koModule is compiled by the go command, pinned by its version and the checksum
// database: the modules that it needs would decide the versions of this module's.
const koModule = "github.com/google/ko@v0.19.1"

// builder pushes one program's image for all platforms and returns its digest.
type builder func(context.Context, *job, program) (name.Digest, error)

// ko builds with the go command alone, without a daemon, and pushes an SPDX bill of
// materials for each platform beside the image.
func ko(ctx context.Context, j *job, p program) (name.Digest, error) {
	config, err := filepath.Abs(filepath.Join(j.repo, "tools", "images", "ko.yaml"))
	if err != nil {
		return name.Digest{}, err
	}
	var platforms []string
	for _, platform := range j.platforms {
		platforms = append(platforms, platform.String())
	}
	cmd := exec.CommandContext(ctx, "go", "run", koModule, "build", "--bare", "--sbom=spdx",
		"--platform="+strings.Join(platforms, ","), "--tags="+j.tag, "./cmd/"+p.name)
	cmd.Dir = filepath.Join(j.repo, p.module)
	cmd.Env = append(os.Environ(), "KO_CONFIG_PATH="+config, "KO_DOCKER_REPO="+j.registry+"/"+p.name,
		"KO_DEFAULTBASEIMAGE="+j.base, "GOWORK=off")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return name.Digest{}, fmt.Errorf("ko: %w", err)
	}
	image, err := name.NewDigest(strings.TrimSpace(out.String()))
	if err != nil {
		return name.Digest{}, fmt.Errorf("ko printed no image by digest: %w", err)
	}
	// Without the tag, which says nothing beside a digest.
	return image.Context().Digest(image.DigestStr()), nil
}

// check asks the registry for what the nodes will ask for, and for what an audit will.
func (j *job) check(image name.Digest) error {
	index, err := remote.Index(image, j.remote...)
	if err != nil {
		return fmt.Errorf("%s is not in the registry: %w", image, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	digests := map[string]v1.Hash{"all platforms": {}}
	for _, one := range manifest.Manifests {
		if one.Platform != nil {
			digests[one.Platform.String()] = one.Digest
		}
	}
	if digests["all platforms"], err = index.Digest(); err != nil {
		return err
	}
	errs := []error{j.checkBill(image, "all platforms", digests["all platforms"])}
	for _, platform := range j.platforms {
		digest, ok := digests[platform.String()]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: there is no image for %s", image, platform))
			continue
		}
		errs = append(errs, j.checkBill(image, platform.String(), digest))
	}
	return errors.Join(errs...)
}

// checkBill looks for the bill of materials under the tag that cosign and scanners look
// for.
func (j *job) checkBill(image name.Digest, of string, digest v1.Hash) error {
	tag := image.Context().Tag(digest.Algorithm + "-" + digest.Hex + ".sbom")
	if _, err := remote.Head(tag, j.remote...); err != nil {
		return fmt.Errorf("%s: there is no bill of materials of %s: %w", image, of, err)
	}
	return nil
}
