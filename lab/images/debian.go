package images

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/lab/images/command"
)

// basePackages are what both Debian-based images share: a shell, the usual small tools and the C library. They are
// named one by one and fetched without their dependencies, which would bring perl, dpkg and adduser along; the tests
// check that every library that a program needs is there.
var basePackages = []string{
	"base-files", "bash", "coreutils", "dash", "findutils", "grep", "gzip", "hostname", "libc-bin", "mawk", "sed",
	"tar", "tzdata",
	"libacl1", "libattr1", "libc6", "libgcc-s1", "libgmp10", "libpcre2-8-0", "libselinux1", "libstdc++6", "libtinfo6",
	"zlib1g",
}

// unused are parts of Debian packages that no container reads.
var unused = []string{
	"etc/init.d/", "etc/logrotate.d/", "etc/default/", "etc/cron.daily/", "etc/update-motd.d/",
	"usr/lib/systemd/", "usr/lib/x86_64-linux-gnu/gconv/",
	"usr/share/bash-completion/", "usr/share/bug/", "usr/share/debianutils/", "usr/share/doc-base/",
	"usr/share/info/", "usr/share/lintian/", "usr/share/locale/", "usr/share/man/", "usr/share/menu/",
	"usr/share/zoneinfo/right/",
}

func (b *builder) baseLayer(ctx context.Context) (layer, error) {
	t := newTree()
	if err := b.debian(ctx, t, basePackages...); err != nil {
		return layer{}, err
	}
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		t.symlink(dir, "usr/"+dir)
	}
	for _, dir := range []string{"dev", "home", "mnt", "opt", "proc", "run", "srv", "sys", "usr/local/bin", "var/lib"} {
		t.dir(dir, 0o755, root)
	}
	t.dir("root", 0o700, root)
	t.dir("tmp", 0o1777, root)
	t.dir("var/tmp", 0o1777, root)
	t.symlink("var/run", "../run")
	t.symlink("usr/bin/sh", "dash")
	t.symlink("usr/bin/awk", "mawk")
	t.symlink("etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
	t.file("etc/timezone", 0o644, []byte("Etc/UTC\n"))
	if err := copyFile(t, "files/base/etc/nsswitch.conf", "etc/nsswitch.conf", 0o644); err != nil {
		return layer{}, err
	}
	return newLayer(t)
}

// debian adds the content of the named packages to the tree. No maintainer script runs.
func (b *builder) debian(ctx context.Context, t *tree, names ...string) error {
	files, err := b.packages(ctx, names)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := unpackFrom(ctx, t, debianPlace, "dpkg-deb", "--fsys-tarfile", file); err != nil {
			return err
		}
	}
	return nil
}

// packages gives the package files, from the cache or else from the registry. A package once fetched stays at its
// version until the cache is removed.
func (b *builder) packages(ctx context.Context, names []string) ([]string, error) {
	dir := b.cache("debs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return cached(dir, name) != "" })
	if len(missing) > 0 {
		err := b.step(fmt.Sprintf("fetched %d Debian packages", len(missing)), func() error {
			return b.download(ctx, dir, missing)
		})
		if err != nil {
			return nil, err
		}
	}
	files := make([]string, len(names))
	for i, name := range names {
		if files[i] = cached(dir, name); files[i] == "" {
			return nil, fmt.Errorf("apt-get did not fetch %s", name)
		}
	}
	return files, nil
}

// cached is the path of a package's file, or nothing. Glob's one error is a bad pattern, which package names are not.
func cached(dir, name string) string {
	found, _ := filepath.Glob(filepath.Join(dir, name+"_*.deb"))
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

func (b *builder) download(ctx context.Context, dir string, names []string) error {
	work, err := os.MkdirTemp(b.temp(), "debs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	// An empty status file hides what the machine has installed, which may be newer than the registry's.
	apt := command.Command{Dir: work, Name: "apt-get", Args: append([]string{
		"download", "--quiet", "-o", "Dir::State::status=/dev/null", "-o", "APT::Sandbox::User=root",
	}, names...)}
	if err := apt.Run(ctx); err != nil {
		// No package lists yet, or older ones than the registry's.
		update := command.Command{Name: "apt-get", Args: []string{"update", "--quiet"}}
		if err := update.Run(ctx); err != nil {
			return err
		}
		if err := apt.Run(ctx); err != nil {
			return err
		}
	}
	files, err := filepath.Glob(filepath.Join(work, "*.deb"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := os.Rename(file, filepath.Join(dir, filepath.Base(file))); err != nil {
			return err
		}
	}
	return nil
}

// debianPlace drops what is unused and follows the merge of /bin, /sbin and /lib into /usr, which Debian makes at
// installation.
func debianPlace(name string) string {
	first, _, _ := strings.Cut(name, "/")
	switch first {
	case "bin", "sbin", "lib", "lib64":
		name = "usr/" + name
	}
	if strings.HasPrefix(name, "usr/share/doc/") && !strings.HasSuffix(name, "/copyright") {
		return ""
	}
	if slices.ContainsFunc(unused, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
		return ""
	}
	return name
}

// unpackFrom adds the tar stream that a program prints.
func unpackFrom(ctx context.Context, t *tree, to place, name string, args ...string) error {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	unpackErr := t.unpack(stdout, to)
	// The padding after a tar's end must be read too, or the program dies of a closed pipe.
	_, drainErr := io.Copy(io.Discard, stdout)
	for _, err := range []error{cmd.Wait(), unpackErr, drainErr} {
		if err != nil {
			return fmt.Errorf("%s %s: %w %s", name, strings.Join(args, " "), err, stderr.String())
		}
	}
	return nil
}

// copyFile adds one of the package's own files.
func copyFile(t *tree, from, to string, mode int64) error {
	body, err := own.ReadFile(from)
	if err != nil {
		return err
	}
	t.file(to, mode, body)
	return nil
}

// account adds the user that an image's program runs as, beside root and nobody.
func account(t *tree, name string, id owner, home, shell string) {
	t.file("etc/passwd", 0o644, fmt.Appendf(nil,
		"root:x:0:0:root:/root:/bin/bash\n%s:x:%d:%d::%s:%s\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
		name, id, id, home, shell))
	t.file("etc/group", 0o644, fmt.Appendf(nil, "root:x:0:\n%s:x:%d:\nnogroup:x:65534:\n", name, id))
}
