package images

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/scalestack/scalestack/lab/images/maven"
)

const (
	// KafkaName is the image's name without its tag.
	KafkaName    = "scalestack/kafka"
	kafkaVersion = "3.7.1"
	kafkaHome    = "opt/kafka"
	javaHome     = "usr/lib/jvm/java-17-openjdk-amd64"

	// kafkaUser is the one of Strimzi's image.
	kafkaUser owner = 1001
)

// kafkaSubstitute is shown wherever the image is: Kafka itself is the real one.
const kafkaSubstitute = "Kafka 3.7.1 from Maven Central on Debian's Java 17, in the place of Strimzi's image of Kafka"

// kafkaArtifacts are the broker and the logger that Kafka's own distribution adds. What they need is in jars.sha256.
var kafkaArtifacts = []maven.Artifact{
	{Group: "org.apache.kafka", Name: "kafka_2.13", Version: kafkaVersion},
	{Group: "ch.qos.reload4j", Name: "reload4j", Version: "1.2.25"},
	{Group: "org.slf4j", Name: "slf4j-reload4j", Version: "1.7.36"},
}

// exporterVersion is the one of Strimzi 0.44.0's images for Kafka 3.7.1.
const exporterVersion = "1.0.1"

// exporterArtifacts is the Java agent that Strimzi's metricsConfig turns on.
var exporterArtifacts = []maven.Artifact{
	{Group: "io.prometheus.jmx", Name: "jmx_prometheus_javaagent", Version: exporterVersion},
}

// desktop are parts of the Java package that a server never loads: fonts, pictures and sound, whose libraries would
// come along, the compiler's tables and the start-up archive for heaps above 32 GB.
var desktop = []string{
	"bin/jpackage", "bin/rmiregistry", "lib/ct.sym", "lib/libawt.so", "lib/libawt_headless.so", "lib/libfontmanager.so",
	"lib/libjavajpeg.so", "lib/libjsound.so", "lib/liblcms.so", "lib/libmlib_image.so", "lib/server/classes_nocoops.jsa",
}

// kafka runs one node with the configuration that the lab's operator mounts.
func (b *builder) kafka() recipe {
	return recipe{
		ref:        KafkaName + ":" + kafkaVersion,
		title:      "Apache Kafka " + kafkaVersion,
		source:     "Maven Central's kafka_2.13 and Debian's openjdk-17-jre-headless",
		substitute: kafkaSubstitute,
		contentTag: true,
		config: ocispec.ImageConfig{
			User: fmt.Sprintf("%d:%d", kafkaUser, kafkaUser),
			Env: []string{
				"PATH=/" + kafkaHome + "/bin:/" + javaHome + "/bin:/usr/bin",
				"JAVA_HOME=/" + javaHome,
				"KAFKA_VERSION=" + kafkaVersion,
			},
			Entrypoint: []string{"kafka-node"},
			WorkingDir: "/" + kafkaHome,
		},
		layers: func(ctx context.Context) ([]layer, error) { return b.onBase(ctx, b.kafkaLayer) },
	}
}

func (b *builder) kafkaLayer(ctx context.Context) (*tree, error) {
	t := newTree()
	if err := b.debian(ctx, t, "openjdk-17-jre-headless"); err != nil {
		return nil, err
	}
	for _, name := range desktop {
		delete(t.entries, path.Join(javaHome, name))
	}
	if err := b.addJars(ctx, t); err != nil {
		return nil, err
	}
	account(t, "kafka", kafkaUser, "/tmp", "/usr/sbin/nologin")
	t.dir("var/lib/kafka", 0o770, kafkaUser)
	t.file("SUBSTITUTE", 0o644, []byte(kafkaSubstitute+"\n"))
	if err := copyFile(t, "files/kafka/log4j.properties", kafkaHome+"/config/log4j.properties", 0o644); err != nil {
		return nil, err
	}
	for _, script := range []string{"kafka-node", "kafka-listening"} {
		if err := copyFile(t, "files/kafka/"+script, path.Join(kafkaHome, "bin", script), 0o755); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// addJars takes exactly the listed jars: neither more, nor less, nor others of the same name.
func (b *builder) addJars(ctx context.Context, t *tree) error {
	want, err := kafkaJars()
	if err != nil {
		return err
	}
	for folder, artifacts := range map[string][]maven.Artifact{
		"kafka-" + kafkaVersion: kafkaArtifacts, "jmx-exporter-" + exporterVersion: exporterArtifacts,
	} {
		if err := b.addArtifacts(ctx, t, b.cache(folder), artifacts, want); err != nil {
			return err
		}
	}
	for name := range want {
		return fmt.Errorf("%s: Maven did not fetch it", name)
	}
	return nil
}

// addArtifacts adds what Maven fetches into dir, and takes it off the list.
func (b *builder) addArtifacts(ctx context.Context, t *tree, dir string, artifacts []maven.Artifact, want map[string]string) error {
	if _, err := os.Stat(dir); err != nil {
		err := b.step("fetched "+artifacts[0].String(), func() error { return maven.Fetch(ctx, b.CacheDir, dir, artifacts...) })
		if err != nil {
			return err
		}
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, file := range found {
		body, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			return err
		}
		if sum := digest.FromBytes(body).Encoded(); want[file.Name()] != sum {
			return fmt.Errorf("%s: its sha256 %s is not in jars.sha256", file.Name(), sum)
		}
		delete(want, file.Name())
		t.file(path.Join(kafkaHome, "libs", file.Name()), 0o644, body)
	}
	return nil
}

// kafkaJars maps each jar to its hash, from a list in the notation of sha256sum.
func kafkaJars() (map[string]string, error) {
	body, err := own.ReadFile("files/kafka/jars.sha256")
	if err != nil {
		return nil, err
	}
	jars := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(string(body)))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 2 {
			return nil, fmt.Errorf("jars.sha256: %q is not a hash and a name", lines.Text())
		}
		jars[fields[1]] = fields[0]
	}
	if len(jars) == 0 {
		return nil, errors.New("jars.sha256 is empty")
	}
	return jars, nil
}
