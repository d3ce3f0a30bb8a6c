package maven

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var example = Artifact{Group: "org.example", Name: "thing", Version: "1.2.3"}

func TestPom(t *testing.T) {
	body, err := pom([]Artifact{example})
	require.NoError(t, err)
	require.Equal(t, `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.scalestack</groupId>
  <artifactId>lab</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.example</groupId>
      <artifactId>thing</artifactId>
      <version>1.2.3</version>
    </dependency>
  </dependencies>
</project>`, string(body))
}

func TestFetch(t *testing.T) {
	fakeMvn(t, `for a; do case "$a" in -DoutputDirectory=*) mkdir "${a#*=}" && echo jar > "${a#*=}/thing.jar" ;; esac; done`)
	cache := t.TempDir()
	dir := filepath.Join(cache, "thing", "jars")
	require.NoError(t, Fetch(context.Background(), cache, dir, example))
	require.FileExists(t, filepath.Join(dir, "thing.jar"))
	entries, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing temporary stays")

	fakeMvn(t, "exit 1")
	require.NoError(t, Fetch(context.Background(), cache, dir, example), "a folder that is there is complete")
}

func TestFailedFetchLeavesNothing(t *testing.T) {
	fakeMvn(t, "echo no such artifact; exit 1")
	cache := t.TempDir()
	dir := filepath.Join(cache, "thing", "jars")
	err := Fetch(context.Background(), cache, dir, example)
	require.ErrorContains(t, err, "fetching [org.example:thing:1.2.3]: mvn: exit status 1\nno such artifact")
	entries, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Empty(t, entries)
}

// fakeMvn puts a script named mvn before all others on PATH.
func fakeMvn(t *testing.T, script string) {
	t.Helper()
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "mvn"), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}
