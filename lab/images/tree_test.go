package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTreeIsWrittenInOrderWithItsFolders(t *testing.T) {
	first, second := newTree(), newTree()
	first.file("usr/bin/b", 0o755, []byte("b"))
	first.file("/etc/a", 0o644, []byte("a"))
	second.file("etc/a", 0o644, []byte("a"))
	second.file("./usr/bin/b", 0o755, []byte("b"))
	for _, tree := range []*tree{first, second} {
		tree.dir("tmp", 0o1777, root)
		tree.dir("data", 0o755, 999)
		tree.symlink("bin", "usr/bin")
	}
	body, err := first.tar()
	require.NoError(t, err)
	again, err := second.tar()
	require.NoError(t, err)
	require.Equal(t, body, again)

	var names []string
	archive := tar.NewReader(bytes.NewReader(body))
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.True(t, h.ModTime.Equal(epoch))
		names = append(names, h.Name)
		switch h.Name {
		case "data/":
			require.Equal(t, []int{999, 999}, []int{h.Uid, h.Gid})
		case "tmp/":
			require.EqualValues(t, 0o1777, h.Mode)
		}
	}
	require.Equal(t, []string{"bin", "data/", "etc/", "etc/a", "tmp/", "usr/", "usr/bin/", "usr/bin/b"}, names)
}

func TestUnpack(t *testing.T) {
	var body bytes.Buffer
	archive := tar.NewWriter(&body)
	for _, h := range []tar.Header{
		{Name: "./", Typeflag: tar.TypeDir},
		{Name: "./bin/sh", Typeflag: tar.TypeReg, Mode: 0o4755, Size: 1, Uid: 5},
		{Name: "./bin/ash", Typeflag: tar.TypeLink, Linkname: "./bin/sh"},
		{Name: "./lib64/ld.so", Typeflag: tar.TypeSymlink, Linkname: "/lib/ld.so"},
		{Name: "./usr/share/man/sh.1", Typeflag: tar.TypeReg},
	} {
		require.NoError(t, archive.WriteHeader(&h))
		if h.Size > 0 {
			_, err := archive.Write([]byte("x"))
			require.NoError(t, err)
		}
	}
	require.NoError(t, archive.Close())

	tree := newTree()
	require.NoError(t, tree.unpack(&body, debianPlace))
	require.Len(t, tree.entries, 3)
	for _, name := range []string{"usr/bin/sh", "usr/bin/ash"} {
		require.Equal(t, "x", string(tree.entries[name].body))
		require.EqualValues(t, 0o4755, tree.entries[name].header.Mode)
		require.Zero(t, tree.entries[name].header.Uid)
	}
	require.Equal(t, "/lib/ld.so", tree.entries["usr/lib64/ld.so"].header.Linkname)
}

func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		to         place
		name, want string
	}{
		{debianPlace, "bin/bash", "usr/bin/bash"},
		{debianPlace, "lib/x86_64-linux-gnu/libc.so.6", "usr/lib/x86_64-linux-gnu/libc.so.6"},
		{debianPlace, "etc/redis/redis.conf", "etc/redis/redis.conf"},
		{debianPlace, "usr/share/doc/bash/copyright", "usr/share/doc/bash/copyright"},
		{debianPlace, "usr/share/doc/bash/changelog.gz", ""},
		{debianPlace, "lib/systemd/system/redis.service", ""},
		{postgres16.serverPlace, "bin/postgres", "usr/lib/postgresql/16/bin/postgres"},
		{postgres16.serverPlace, "lib/postgresql/pgcrypto.so", "usr/lib/postgresql/16/lib/postgresql/pgcrypto.so"},
		{postgres16.serverPlace, "lib/libpq.a", ""},
		{postgres16.serverPlace, "lib/postgresql/pgxs/config/install-sh", ""},
		{postgres16.serverPlace, "lib/postgresql/hstore_plpython3.so", ""},
		{postgres16.serverPlace, "share/postgresql/extension/plperlu.control", ""},
		{postgres16.serverPlace, "share/postgresql/extension/plpgsql.control",
			"usr/lib/postgresql/16/share/postgresql/extension/plpgsql.control"},
	} {
		require.Equal(t, c.want, c.to(c.name), c.name)
	}
}
