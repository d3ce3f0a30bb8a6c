// Package maven fetches artifacts with the ordinary mvn client and the machine's own Maven settings.
package maven

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"

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
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
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
