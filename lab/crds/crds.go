// Package crds makes the custom resource definitions of Strimzi 0.44.0 from what Strimzi publishes: its API classes
// and the generator that turns them into definitions, run as Strimzi's own build runs it.
package crds

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/scalestack/scalestack/lab/images/command"
	"github.com/scalestack/scalestack/lab/images/maven"
)

// Version is the Strimzi release whose definitions are made.
const Version = "0.44.0"

// sum is the hash of the release's eleven definition files, each preceded by a document separator, in the order of
// their file names. What is generated here is equal to them byte for byte.
const sum = "cb555fa690558ef056f17eb0fa6d320baee5d161012bd50d275ca98b6ff797f2"

// artifacts name the next release's generator, because 0.44.0's was not published; it gives the same definitions.
var artifacts = []maven.Artifact{
	{Group: "io.strimzi", Name: "api", Version: Version},
	{Group: "io.strimzi", Name: "crd-generator", Version: "0.45.0"},
}

const models = "io.strimzi.api.kafka.model."

// definition is one class and the number that Strimzi's file name for it starts with.
type definition struct{ number, class string }

// batch is one call of the generator.
type batch struct {
	versions    string
	definitions []definition
}

// batches repeat Strimzi's two calls. Topics and users keep their older versions, so that upgrading the definitions
// never deletes a topic or a user.
var batches = []batch{
	{"v1beta2", []definition{
		{"040", "kafka.Kafka"},
		{"041", "connect.KafkaConnect"},
		{"042", "podset.StrimziPodSet"},
		{"045", "mirrormaker.KafkaMirrorMaker"},
		{"046", "bridge.KafkaBridge"},
		{"047", "connector.KafkaConnector"},
		{"048", "mirrormaker2.KafkaMirrorMaker2"},
		{"049", "rebalance.KafkaRebalance"},
		{"04A", "nodepool.KafkaNodePool"},
	}},
	{"v1alpha1,v1beta1,v1beta2", []definition{
		{"043", "topic.KafkaTopic"},
		{"044", "user.KafkaUser"},
	}},
}

// Options says where Generate reads and writes. All folders are absolute.
type Options struct {
	// CacheDir keeps the downloaded jars. It can be deleted at any time between calls.
	CacheDir string
	// OutDir receives the YAML file.
	OutDir string
	// Log receives one line with what it took. Nil drops it.
	Log io.Writer
}

// DebianPackages are the packages that Generate needs on the machine.
func DebianPackages() []string { return maven.DebianPackages() }

// Generate gives the path of one YAML file with all of Strimzi's definitions, and makes it if it is not there. It can
// be killed at any point; one call at a time may use the folders.
func Generate(ctx context.Context, opts Options) (string, error) {
	file := filepath.Join(opts.OutDir, "strimzi-"+Version+"-crds.yaml")
	start, what := time.Now(), "up to date"
	if old, err := os.ReadFile(file); err != nil || hash(old) != sum {
		what = "generated"
		if err := generate(ctx, opts, file); err != nil {
			return "", fmt.Errorf("crds: %w", err)
		}
	}
	if opts.Log != nil {
		fmt.Fprintf(opts.Log, "crds: Strimzi %s definitions %s (%.1f s)\n", Version, what, time.Since(start).Seconds())
	}
	return file, nil
}

func generate(ctx context.Context, opts Options, file string) error {
	own := filepath.Join(opts.CacheDir, "crds")
	jars := filepath.Join(own, "strimzi-"+Version)
	if err := sweep(own); err != nil {
		return err
	}
	if err := maven.Fetch(ctx, opts.CacheDir, jars, artifacts...); err != nil {
		return err
	}
	if err := os.MkdirAll(opts.OutDir, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(own, ".tmp-crds-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for _, b := range batches {
		java := command.Command{Name: "java", Args: b.arguments(filepath.Join(jars, "*"), work)}
		if err := java.Run(ctx); err != nil {
			return err
		}
	}
	body, err := join(work)
	if err != nil {
		return err
	}
	if found := hash(body); found != sum {
		return fmt.Errorf("the definitions' sha256 is %s, not the release's %s", found, sum)
	}
	whole := filepath.Join(opts.OutDir, ".tmp-crds.yaml")
	if err := os.WriteFile(whole, body, 0o644); err != nil {
		return err
	}
	return os.Rename(whole, file)
}

// sweep removes what a killed call left.
func sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, ".tmp-*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

func (b batch) arguments(classpath, dir string) []string {
	args := []string{
		"-classpath", classpath, "io.strimzi.crdgenerator.CrdGenerator",
		"--label", "app:strimzi", "--label", "strimzi.io/crd-install:true",
		"--target-kube", "1.16+", "--crd-api-version", "v1",
		"--api-versions", b.versions, "--storage-version", "v1beta2", "--yaml",
	}
	for _, d := range b.definitions {
		args = append(args, models+d.class+"="+filepath.Join(dir, d.number+".yaml"))
	}
	return args
}

// join puts the generated files together in the order of their names.
func join(dir string) ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	var all bytes.Buffer
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		all.WriteString("---\n")
		all.Write(body)
	}
	return all.Bytes(), nil
}

func hash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
