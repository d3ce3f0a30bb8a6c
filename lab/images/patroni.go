package images

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/scalestack/scalestack/lab/images/command"
	"github.com/scalestack/scalestack/lab/images/pip"
)

const (
	// PatroniRef is the image of shards with several members, and of shards with backups.
	PatroniRef = "scalestack/postgres:16.2" + patroniTag
	patroniTag = "-patroni-4.1.5-barman-3.19.1"
	// patroniFolder of the repository has the image's Dockerfile and what both it and the lab build from.
	patroniFolder       = "images/postgres"
	patroniRequirements = patroniFolder + "/requirements.txt"
	patroniLibrary      = "opt/patroni/lib"
	pythonLibrary       = "usr/lib/python3.11"
)

// pythonPackages are Debian's Python without what only a terminal, a database of its own or an installer needs.
var pythonPackages = []string{
	"python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib",
	"libbz2-1.0", "libcrypt1", "libdb5.3", "libexpat1", "libffi8", "libgssapi-krb5-2", "libk5crypto3", "libkeyutils1", "libkrb5-3",
	"libkrb5support0", "libcom-err2", "liblzma5", "libncursesw6", "libnsl2", "libreadline8", "libsqlite3-0", "libssl3", "libtirpc3", "libuuid1",
}

var patroniScripts = []string{"patroni", "patronictl", "barman-cloud"}

// barmanCommands are links to the script barman-cloud.
var barmanCommands = []string{
	"backup", "backup-delete", "backup-keep", "backup-list", "backup-show", "check-wal-archive", "restore", "wal-archive", "wal-restore",
}

// patroni is postgres:16.2 with Patroni and barman-cloud.
func (b *builder) patroni() recipe { return b.patroniOf(postgres16, b.postgresFiles) }

// patroniOf has the layers that the Dockerfile in images/postgres makes, from the same requirements and scripts.
func (b *builder) patroniOf(r release, files func(context.Context) (layer, error)) recipe {
	return recipe{
		ref:    "scalestack/postgres:" + r.version + patroniTag,
		title:  "PostgreSQL " + r.version + " with Patroni 4.1.5 and barman-cloud 3.19.1",
		source: r.artifact().String() + ", " + postgresClients.String() + " and " + patroniRequirements,
		config: postgresConfig(r),
		inputs: b.patroniInputs,
		layers: func(ctx context.Context) ([]layer, error) { return together(ctx, b.base, files, b.patroniFiles) },
	}
}

func (b *builder) patroniInputs(context.Context) (digest.Digest, error) {
	var all strings.Builder
	for _, name := range append([]string{"requirements.txt"}, patroniScripts...) {
		body, err := os.ReadFile(filepath.Join(b.RepoDir, patroniFolder, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&all, "%s %d\n%s", name, len(body), body)
	}
	return digest.FromString(all.String()), nil
}

func (b *builder) patroniLayer(ctx context.Context) (*tree, error) {
	t := newTree()
	if err := b.debian(ctx, t, pythonPackages...); err != nil {
		return nil, err
	}
	t.symlink("usr/bin/python3", "python3.11")
	if err := b.addPython(ctx, t); err != nil {
		return nil, err
	}
	if err := b.compilePython(ctx, t); err != nil {
		return nil, err
	}
	for _, name := range patroniScripts {
		body, err := os.ReadFile(filepath.Join(b.RepoDir, patroniFolder, name))
		if err != nil {
			return nil, err
		}
		t.file("usr/local/bin/"+name, 0o755, body)
	}
	for _, name := range barmanCommands {
		t.symlink("usr/local/bin/barman-cloud-"+name, "barman-cloud")
	}
	return t, nil
}

// addPython adds what requirements.txt lists.
func (b *builder) addPython(ctx context.Context, t *tree) error {
	body, err := os.ReadFile(filepath.Join(b.RepoDir, patroniRequirements))
	if err != nil {
		return err
	}
	wheels, err := requirements(string(body))
	if err != nil {
		return err
	}
	for _, w := range wheels {
		if err := b.addModule(ctx, t, w); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) addModule(ctx context.Context, t *tree, p pip.Package) error {
	if !p.Source {
		return b.fromWheel(ctx, t, p, 0o644, libraryPlace)
	}
	file, err := b.fetchWheel(ctx, p)
	if err != nil {
		return err
	}
	return unpackFrom(ctx, t, sourcePlace(p), "gzip", "--decompress", "--stdout", file)
}

// botocoreService is the folder of one of the four hundred services that botocore describes.
var botocoreService = regexp.MustCompile(`^botocore/data/([^/]+)/`)

// libraryPlace leaves out what pip would put beside the library, and all services but the bucket's and those of its
// credentials, as the Dockerfile does.
func libraryPlace(name string) string {
	first, _, _ := strings.Cut(name, "/")
	if strings.HasSuffix(first, ".data") {
		return ""
	}
	if m := botocoreService.FindStringSubmatch(name); m != nil && m[1] != "s3" && m[1] != "s3control" && m[1] != "sts" && !strings.HasPrefix(m[1], "sso") {
		return ""
	}
	return patroniLibrary + "/" + name
}

// sourcePlace takes the one module of a source archive.
func sourcePlace(p pip.Package) place {
	return func(name string) string {
		if name == p.Name+"-"+p.Version+"/"+p.Name+".py" {
			return patroniLibrary + "/" + p.Name + ".py"
		}
		return ""
	}
}

// requirement is a line of requirements.txt; a comment above it that begins with "A source archive" says that there is no
// wheel.
var requirement = regexp.MustCompile(`^([A-Za-z0-9-]+)==([0-9.]+) --hash=sha256:([0-9a-f]{64})$`)

func requirements(text string) ([]pip.Package, error) {
	var wheels []pip.Package
	source := false
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			source = strings.HasPrefix(line, "# A source archive")
			continue
		}
		m := requirement.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%s: %q is not name==version --hash=sha256:…", patroniRequirements, line)
		}
		wheels = append(wheels, pip.Package{Name: m[1], Version: m[2], SHA256: m[3], Source: source})
		source = false
	}
	return wheels, nil
}

// compilePython compiles every module in its place: the container cannot write to its own files, and would compile at
// each start. The compiled files name no time, because those of an image are all the same.
func (b *builder) compilePython(ctx context.Context, t *tree) error {
	work, err := os.MkdirTemp(b.temp(), "python-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	folders := []string{pythonLibrary, patroniLibrary}
	for name, e := range t.entries {
		if !strings.HasSuffix(name, ".py") || !strings.HasPrefix(name, folders[0]+"/") && !strings.HasPrefix(name, folders[1]+"/") {
			continue
		}
		file := filepath.Join(work, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, e.body, 0o600); err != nil {
			return err
		}
	}
	compile := command.Command{Name: "python3.11", Dir: work, Args: append([]string{
		"-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", work, "-p", "/",
	}, folders...)}
	if err := compile.Run(ctx); err != nil {
		return err
	}
	return filepath.WalkDir(work, func(file string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".pyc") {
			return err
		}
		name, err := filepath.Rel(work, file)
		if err != nil {
			return err
		}
		body, err := os.ReadFile(file)
		t.file(name, 0o644, body)
		return err
	})
}
