package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

// testRecipe is an image of one file, with the given inputs.
func testRecipe(inputs, body string) recipe {
	return recipe{
		ref: "example/app:dev", title: "App", source: "a test", substitute: "a substitute", contentTag: true,
		config: ocispec.ImageConfig{User: "7", Entrypoint: []string{"/app"}},
		inputs: func(context.Context) (digest.Digest, error) { return digest.FromString(inputs), nil },
		layers: func(context.Context) ([]layer, error) {
			t := newTree()
			t.file("app", 0o755, []byte(body))
			l, err := newLayer(t)
			return []layer{l}, err
		},
	}
}

func testBuilder(t *testing.T) *builder {
	t.Helper()
	b, err := newBuilder(Options{CacheDir: t.TempDir(), OutDir: t.TempDir()})
	require.NoError(t, err)
	return b
}

func TestImageIsBuiltOnlyWhenItsInputsChange(t *testing.T) {
	b, ctx := testBuilder(t), context.Background()
	first, err := b.image(ctx, testRecipe("1", "one"))
	require.NoError(t, err)
	require.True(t, first.Built)

	again, err := b.image(ctx, testRecipe("1", "ignored"))
	require.NoError(t, err)
	require.False(t, again.Built)
	first.Built = false
	require.Equal(t, first, again)

	changed, err := b.image(ctx, testRecipe("2", "two"))
	require.NoError(t, err)
	require.True(t, changed.Built)
	require.NotEqual(t, first.Digest, changed.Digest)
	require.NotEqual(t, first.Ref, changed.Ref)
}

func TestImageIsBuiltAgainWhenItsFilesAreNotWhole(t *testing.T) {
	for name, spoil := range map[string]func(archive, note string) error{
		"archive gone":    func(archive, _ string) error { return os.Remove(archive) },
		"archive cut":     func(archive, _ string) error { return os.Truncate(archive, 10) },
		"record gone":     func(_, note string) error { return os.Remove(note) },
		"record not JSON": func(_, note string) error { return os.WriteFile(note, []byte("{"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			b, ctx := testBuilder(t), context.Background()
			first, err := b.image(ctx, testRecipe("1", "one"))
			require.NoError(t, err)
			require.NoError(t, spoil(first.Tar, first.Tar[:len(first.Tar)-len("tar")]+"json"))
			again, err := b.image(ctx, testRecipe("1", "one"))
			require.NoError(t, err)
			require.True(t, again.Built)
			require.Equal(t, first.Digest, again.Digest)
		})
	}
}

func TestFailedBuildIsNotRemembered(t *testing.T) {
	b, ctx := testBuilder(t), context.Background()
	_, err := b.image(ctx, testRecipe("1", "one"))
	require.NoError(t, err)
	broken := testRecipe("2", "")
	broken.layers = func(context.Context) ([]layer, error) { return nil, errors.New("no such package") }
	_, err = b.image(ctx, broken)
	require.ErrorContains(t, err, "no such package")
	back, err := b.image(ctx, testRecipe("1", "one"))
	require.NoError(t, err)
	require.True(t, back.Built)
}

func TestArchive(t *testing.T) {
	b := testBuilder(t)
	made, err := b.image(context.Background(), testRecipe("1", "one"))
	require.NoError(t, err)
	hash := made.Digest.Encoded()[:12]
	require.Equal(t, []string{"example/app:dev-" + hash, "example/app:dev"}, made.Refs)
	require.Equal(t, made.Refs[0], made.Ref)
	require.Equal(t, "a substitute", made.Substitute)

	files := readArchive(t, made.Tar)
	var index ocispec.Index
	require.NoError(t, json.Unmarshal(files["index.json"], &index))
	require.Len(t, index.Manifests, 2)
	for i, ref := range made.Refs {
		require.Equal(t, made.Digest, index.Manifests[i].Digest)
		require.Regexp(t, "^[a-z.]+/"+ref+"$", index.Manifests[i].Annotations[nameAnnotation])
	}
	for name, body := range files {
		if filepath.Dir(name) == "blobs/sha256" {
			require.Equal(t, filepath.Base(name), digest.FromBytes(body).Encoded())
		}
	}
	var config ocispec.Image
	manifest := manifestOf(t, files)
	require.NoError(t, json.Unmarshal(blobOf(files, manifest.Config), &config))
	require.Equal(t, "7", config.Config.User)
	require.Equal(t, "App", config.Config.Labels["org.opencontainers.image.title"])
	require.Equal(t, "a substitute", config.Config.Labels[substituteLabel])
	packed, err := gzip.NewReader(bytes.NewReader(blobOf(files, manifest.Layers[0])))
	require.NoError(t, err)
	plain, err := io.ReadAll(packed)
	require.NoError(t, err)
	require.Equal(t, []digest.Digest{digest.FromBytes(plain)}, config.RootFS.DiffIDs)
}

func TestSweepRemovesWhatAKilledBuildLeft(t *testing.T) {
	b := testBuilder(t)
	keep := filepath.Join(b.OutDir, "postgres-16.2.tar")
	left := []string{
		filepath.Join(b.temp(), "debs-1"), filepath.Join(b.OutDir, tempPrefix+"2"), b.cache(tempPrefix + "3"),
	}
	for _, path := range append(left, keep) {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	require.NoError(t, b.sweep())
	for _, path := range left {
		require.NoFileExists(t, path)
	}
	require.FileExists(t, keep)
}

// readArchive gives the files of a tar by name.
func readArchive(t *testing.T, file string) map[string][]byte {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	files := map[string][]byte{}
	archive := tar.NewReader(f)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		if h.Typeflag != tar.TypeReg {
			continue
		}
		files[h.Name], err = io.ReadAll(archive)
		require.NoError(t, err)
	}
}

func manifestOf(t *testing.T, files map[string][]byte) (manifest ocispec.Manifest) {
	t.Helper()
	var index ocispec.Index
	require.NoError(t, json.Unmarshal(files["index.json"], &index))
	require.NoError(t, json.Unmarshal(blobOf(files, index.Manifests[0]), &manifest))
	return manifest
}

func blobOf(files map[string][]byte, d ocispec.Descriptor) []byte {
	return files["blobs/sha256/"+d.Digest.Encoded()]
}

// Dockerfile and recipe leave the same out, and have the same commands.
func TestThePatroniImageIsTheDockerfiles(t *testing.T) {
	for name, want := range map[string]string{
		"barman/cloud.py":                       "opt/patroni/lib/barman/cloud.py",
		"botocore/data/endpoints.json":          "opt/patroni/lib/botocore/data/endpoints.json",
		"botocore/data/s3/2006-03-01/x.json.gz": "opt/patroni/lib/botocore/data/s3/2006-03-01/x.json.gz",
		"botocore/data/sso-oidc/1/x.json.gz":    "opt/patroni/lib/botocore/data/sso-oidc/1/x.json.gz",
		"botocore/data/ec2/2016-11-15/x.json":   "",
		"barman-3.19.1.data/data/share/man/x.1": "",
	} {
		require.Equal(t, want, libraryPlace(name), name)
	}
	dockerfile, err := os.ReadFile(filepath.Join("../..", patroniFolder, "Dockerfile"))
	require.NoError(t, err)
	text := strings.Join(strings.Fields(strings.ReplaceAll(string(dockerfile), "\\\n", " ")), " ")
	require.Contains(t, text, "for command in "+strings.Join(barmanCommands, " ")+"; do")
	require.Contains(t, text, "COPY --chmod=0755 "+strings.Join(patroniScripts, " ")+" ")
}

func TestRequirementsArePinned(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("../..", patroniRequirements))
	require.NoError(t, err)
	wheels, err := requirements(string(text))
	require.NoError(t, err)
	require.Equal(t, "patroni", wheels[0].Name)
	require.Contains(t, testBuilder(t).patroni().ref, "-patroni-"+wheels[0].Version)
	require.True(t, wheels[len(wheels)-1].Source)
	require.Contains(t, testBuilder(t).patroni().ref, "-barman-"+wheels[1].Version)
	_, err = requirements("patroni==4.1.5\n")
	require.ErrorContains(t, err, "is not name==version --hash=sha256:")
}

// The one with Patroni takes a minute to build and belongs to labs that have the one of 16.2.
func TestTheLaterMinorVersionHasPatroniWhereTheOlderHasIt(t *testing.T) {
	b := testBuilder(t)
	without := b.nextMinor()
	b.Patroni = true
	with := b.nextMinor()
	require.Len(t, without, 1)
	require.Len(t, with, 2)
	require.Equal(t, "postgres:16.15", with[0].ref)
	require.Equal(t, strings.Replace(PatroniRef, "16.2", "16.15", 1), with[1].ref)
	for _, r := range with {
		require.Contains(t, r.substitute, "client programs are those of PostgreSQL 16.2")
		require.Contains(t, r.config.Env, "PG_VERSION=16.15")
	}
	require.Empty(t, b.patroni().substitute)
}
