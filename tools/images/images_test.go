package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

const stack = `# Kept as it is.
config:
  scalestack:postgres: &pg
    shardctl: {image: scalestack/shardctl:0.1.0} # for every shard
  scalestack:services:
    users:
      image: "scalestack/users:0.1.0"
      <<: &common {port: 8080}
    shop:
      image: example.com/other/users:7
    worker:
      image: &img scalestack/users:0.1.0
    again: {image: *img}
    watch: {image: scalestack/edge:0.1.0}
`

// newJob is a run against a registry in this process, with a short list of authorities.
func newJob(t *testing.T, build builder) *job {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	j, err := parse([]string{
		"--registry", strings.TrimPrefix(server.URL, "http://") + "/shop", "--tag", "t1",
		"--file", filepath.Join(dir, "Pulumi.test.yaml"), "--file", filepath.Join(dir, "Pulumi.other.yaml"), "--certificates", filepath.Join(dir, "ca.crt"),
	})
	require.NoError(t, err)
	for _, file := range j.files {
		require.NoError(t, os.WriteFile(file, []byte(stack), 0o640))
	}
	require.NoError(t, os.WriteFile(j.certificates, []byte("-----BEGIN CERTIFICATE-----\n"), 0o600))
	j.build = build
	return j
}

// fake pushes an index as ko would, for these platforms, with bills of materials for
// all but one.
func fake(platforms []string, withoutBill string) builder {
	return func(_ context.Context, j *job, p program) (name.Digest, error) {
		repository, err := name.NewRepository(j.registry + "/" + p.name)
		if err != nil {
			return name.Digest{}, err
		}
		bill := func(of string, digest v1.Hash) error {
			if of == withoutBill {
				return nil
			}
			return remote.Write(repository.Tag(strings.Replace(digest.String(), ":", "-", 1)+".sbom"), empty.Image)
		}
		var index v1.ImageIndex = empty.Index
		for _, text := range platforms {
			platform, err := v1.ParsePlatform(text)
			if err != nil {
				return name.Digest{}, err
			}
			image, err := random.Image(16, 1)
			if err != nil {
				return name.Digest{}, err
			}
			index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: platform}})
			digest, err := image.Digest()
			if err != nil {
				return name.Digest{}, err
			}
			if err := bill(text, digest); err != nil {
				return name.Digest{}, err
			}
		}
		digest, err := index.Digest()
		if err != nil {
			return name.Digest{}, err
		}
		if err := bill("all platforms", digest); err != nil {
			return name.Digest{}, err
		}
		image := repository.Digest(digest.String())
		return image, remote.WriteIndex(image, index)
	}
}

var both = []string{"linux/amd64", "linux/arm64"}

func TestDigestsReachTheStacksFileAndNothingElseChanges(t *testing.T) {
	j := newJob(t, fake(both, ""))
	require.NoError(t, j.run(t.Context()))
	after, err := os.ReadFile(j.files[0])
	require.NoError(t, err)
	want := stack
	for _, p := range programs {
		index, err := remote.Index(pinned(t, string(after), j.registry+"/"+p.name))
		require.NoError(t, err, "the file names an image that the registry has")
		digest, err := index.Digest()
		require.NoError(t, err)
		want = strings.ReplaceAll(want, "scalestack/"+p.name+":0.1.0", fmt.Sprintf("%s/%s@%s", j.registry, p.name, digest))
	}
	require.Equal(t, want, string(after))
	other, err := os.ReadFile(j.files[1])
	require.NoError(t, err)
	require.Equal(t, want, string(other))
	info, err := os.Stat(j.files[0])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())

	require.NoError(t, j.run(t.Context()), "the next release finds the images of the last one")
}

// pinned is the first image of that repository in text.
func pinned(t *testing.T, text, repository string) name.Digest {
	t.Helper()
	_, rest, found := strings.Cut(text, repository+"@")
	require.True(t, found, text)
	image, err := name.NewDigest(repository + "@" + rest[:len("sha256:")+64])
	require.NoError(t, err)
	return image
}

// What nodes or an audit would not find is told before the stack's file names it.
func TestAnImageThatIsNotWholeLeavesTheFile(t *testing.T) {
	for want, build := range map[string]builder{
		"there is no image for linux/arm64":              fake(both[:1], ""),
		"there is no bill of materials of linux/arm64":   fake(both, "linux/arm64"),
		"there is no bill of materials of all platforms": fake(both, "all platforms"),
		"shop/shardctl@sha256:" + strings.Repeat("0", 64) + " is not in the registry": func(_ context.Context, j *job, p program) (name.Digest, error) {
			return name.NewDigest(j.registry + "/" + p.name + "@sha256:" + strings.Repeat("0", 64))
		},
	} {
		j := newJob(t, build)
		require.ErrorContains(t, j.run(t.Context()), want)
		after, err := os.ReadFile(j.files[0])
		require.NoError(t, err)
		require.Equal(t, stack, string(after), want)
	}
}

func TestAFileWithoutAProgramIsRefusedBeforeAnythingIsBuilt(t *testing.T) {
	j := newJob(t, func(context.Context, *job, program) (name.Digest, error) { panic("it was built") })
	require.NoError(t, os.WriteFile(j.files[0], []byte("config: {a: {image: example.com/other/users:7}}\n"), 0o600))
	err := j.run(t.Context())
	for _, p := range programs {
		missing := "no image is scalestack/" + p.name + " or " + j.registry + "/" + p.name + ", but [example.com/other/users:7]"
		require.Equal(t, !p.optional, strings.Contains(err.Error(), missing), "%s: %s", p.name, err)
	}
	require.NoError(t, os.WriteFile(j.files[0], []byte("config: {"), 0o600))
	require.ErrorContains(t, j.run(t.Context()), "Pulumi.test.yaml")
}

// Nobody waits for the compilation of a program that no stack runs.
func TestAnOptionalProgramIsBuiltWhereAStackRunsIt(t *testing.T) {
	var built []string
	push := fake(both, "")
	j := newJob(t, func(ctx context.Context, j *job, p program) (name.Digest, error) {
		built = append(built, p.name)
		return push(ctx, j, p)
	})
	for _, file := range j.files {
		require.NoError(t, os.WriteFile(file, []byte("a: {image: scalestack/shardctl:1}\nb: {image: scalestack/users:1}\n"), 0o600))
	}
	require.NoError(t, j.run(t.Context()))
	require.Equal(t, []string{"shardctl", "users"}, built)
	j.files, built = nil, nil
	require.NoError(t, j.run(t.Context()))
	require.Equal(t, []string{"shardctl", "users", "edge"}, built)
}

func TestTheBaseHoldsAuthoritiesAndNoSystem(t *testing.T) {
	j := newJob(t, nil)
	base, err := j.pushBase()
	require.NoError(t, err)
	again, err := j.pushBase()
	require.NoError(t, err)
	require.Equal(t, base, again)
	for _, text := range both {
		platform, err := v1.ParsePlatform(text)
		require.NoError(t, err)
		image, err := remote.Image(base, remote.WithPlatform(*platform))
		require.NoError(t, err)
		file, err := image.ConfigFile()
		require.NoError(t, err)
		require.Equal(t, text, file.OS+"/"+file.Architecture)
		require.Equal(t, "65532:65532", file.Config.User)
		require.Contains(t, files(t, image), "etc/ssl/certs/ca-certificates.crt")
	}
	require.NoError(t, os.WriteFile(j.certificates, []byte("nothing"), 0o600))
	_, err = j.pushBase()
	require.ErrorContains(t, err, "holds no certificate")
}

func files(t *testing.T, image v1.Image) string {
	t.Helper()
	var all bytes.Buffer
	_, err := io.Copy(&all, mutate.Extract(image))
	require.NoError(t, err)
	return all.String()
}

func TestEveryMistakeInTheArgumentsIsTold(t *testing.T) {
	_, err := parse([]string{"--registry", "shop", "--tag", "a b", "--base", "debian:12", "--platforms", "linux,linux/amd64"})
	require.EqualError(t, err, strings.Join([]string{
		`registry: "shop" is not a registry with a path, such as registry.example.com/shop`,
		`tag: "a b" is not a tag`,
		`base: "debian:12" is not an image by digest`,
		`platforms: "linux" is not <os>/<architecture>`,
	}, "\n"))
	for _, registry := range []string{"", "library/shop", "registry.example.com", "https://registry.example.com/shop"} {
		_, err := parse([]string{"--registry", registry})
		require.ErrorContains(t, err, "registry: ", registry)
	}
}

// The real builder compiles ko and all programs twice, which takes minutes: make
// images-check.
func TestTheRealImages(t *testing.T) {
	if os.Getenv("SCALESTACK_TEST_IMAGES") == "" {
		t.Skip("make images-check runs it")
	}
	j := newJob(t, ko)
	require.NoError(t, j.run(t.Context()))
	after, err := os.ReadFile(j.files[0])
	require.NoError(t, err)
	for _, p := range programs {
		for _, text := range both {
			platform, err := v1.ParsePlatform(text)
			require.NoError(t, err)
			image, err := remote.Image(pinned(t, string(after), j.registry+"/"+p.name), remote.WithPlatform(*platform))
			require.NoError(t, err)
			file, err := image.ConfigFile()
			require.NoError(t, err)
			require.Equal(t, text, file.OS+"/"+file.Architecture)
			require.Equal(t, "65532:65532", file.Config.User)
			require.Equal(t, []string{"/ko-app/" + p.name}, file.Config.Entrypoint)
		}
	}
}
