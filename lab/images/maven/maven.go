// Package maven fetches artifacts with the ordinary mvn client and the machine's own Maven settings.
package maven

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/scalestack/scalestack/lab/images/command"
)

// copyGoal is pinned: without a version mvn takes whichever plugin is the newest that day.
const copyGoal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"

// Artifact names one published jar.
type Artifact struct {
	Group   string `xml:"groupId"`
	Name    string `xml:"artifactId"`
	Version string `xml:"version"`
}

// DebianPackages are the packages that Fetch needs on the machine.
func DebianPackages() []string {
	return []string{"maven", "openjdk-17-jre-headless"}
}

// Fetch puts the artifacts and all they need at run time as jars into dir. A dir that exists is complete and stays
// as it is. Downloads are kept in cacheDir/maven; Maven checks each against its published checksum.
func Fetch(ctx context.Context, cacheDir, dir string, artifacts ...Artifact) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	for _, parent := range []string{cacheDir, filepath.Dir(dir)} {
		if err := os.MkdirAll(parent, 0o755); err != nil {
			return err
		}
	}
	unlock, err := lock(filepath.Join(cacheDir, "maven.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	work, err := os.MkdirTemp(filepath.Dir(dir), ".tmp-maven-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	project, err := pom(artifacts)
	if err != nil {
		return err
	}
	file := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(file, project, 0o644); err != nil {
		return err
	}
	jars := filepath.Join(work, "jars")
	mvn := command.Command{Dir: work, Name: "mvn", Args: []string{
		"--batch-mode", "--quiet", "--strict-checksums", "--file", file,
		"-Dmaven.repo.local=" + filepath.Join(cacheDir, "maven"),
		"-DoutputDirectory=" + jars, "-DincludeScope=runtime", copyGoal,
	}}
	if err := mvn.Run(ctx); err != nil {
		return fmt.Errorf("fetching %v: %w", artifacts, err)
	}
	return os.Rename(jars, dir)
}

// lock keeps a second mvn off the folder of downloads, which Maven does not guard itself. It ends with the process.
func lock(file string) (unlock func() error, err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return f.Close, nil
}

// String is the artifact in Maven's usual notation.
func (a Artifact) String() string { return a.Group + ":" + a.Name + ":" + a.Version }

func pom(artifacts []Artifact) ([]byte, error) {
	return xml.MarshalIndent(struct {
		XMLName      xml.Name `xml:"http://maven.apache.org/POM/4.0.0 project"`
		ModelVersion string   `xml:"modelVersion"`
		Artifact
		Packaging    string     `xml:"packaging"`
		Dependencies []Artifact `xml:"dependencies>dependency"`
	}{
		ModelVersion: "4.0.0",
		Artifact:     Artifact{Group: "dev.scalestack", Name: "lab", Version: "1"},
		Packaging:    "pom",
		Dependencies: artifacts,
	}, "", "  ")
}
