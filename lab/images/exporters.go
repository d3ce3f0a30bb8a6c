package images

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// exporterUser is nobody, as whom the official images of the exporters of PostgreSQL and Redis run.
const exporterUser owner = 65534

// postgresExporter is the official program, compiled from its own module.
func (b *builder) postgresExporter() recipe {
	binary := goBinary{
		name: "postgres_exporter", module: filepath.Join(b.RepoDir, "lab", "metrics"),
		pkg: "github.com/prometheus-community/postgres_exporter/cmd/postgres_exporter",
	}
	return recipe{
		ref:    "prometheuscommunity/postgres-exporter:v0.17.1",
		title:  "postgres_exporter 0.17.1",
		source: binary.pkg,
		config: exporterConfig("/bin/postgres_exporter", 9187),
		inputs: func(ctx context.Context) (digest.Digest, error) { return b.compile(ctx, binary) },
		layers: func(context.Context) ([]layer, error) {
			return b.static(binary, func(t *tree) { t.symlink("bin/postgres_exporter", "/postgres_exporter") })
		},
	}
}

// redisExporterSubstitute is shown wherever the image is: the checksum database does
// not know 1.74.0.
const redisExporterSubstitute = "redis_exporter 1.45.0 from Debian, in the place of redis_exporter 1.74.0"

func (b *builder) redisExporter() recipe {
	return recipe{
		ref:        "oliver006/redis_exporter:v1.74.0",
		title:      "redis_exporter 1.45.0",
		source:     "Debian's prometheus-redis-exporter",
		substitute: redisExporterSubstitute,
		config:     exporterConfig("/redis_exporter", 9121),
		layers: func(ctx context.Context) ([]layer, error) {
			return b.onBase(ctx, func(ctx context.Context) (*tree, error) {
				t := newTree()
				if err := b.debian(ctx, t, "prometheus-redis-exporter"); err != nil {
					return nil, err
				}
				t.symlink("redis_exporter", "/usr/bin/prometheus-redis-exporter")
				t.file("SUBSTITUTE", 0o644, []byte(redisExporterSubstitute+"\n"))
				return t, nil
			})
		},
	}
}

// KafkaExporterName is the image's name without its tag.
const KafkaExporterName = "scalestack/kafka-exporter"

// kafkaExporterSubstitute is shown wherever the image is. Strimzi runs the exporter from its image of Kafka.
const kafkaExporterSubstitute = "the lab's emulator of kafka_exporter, in the place of the one in Strimzi's image of Kafka"

// kafkaExporter is an image of its own, which only the emulator of the Strimzi operator names: Kafka's need not
// change with the exporter, and the name says that neither is Strimzi's.
func (b *builder) kafkaExporter() recipe {
	binary := goBinary{name: "kafka-exporter", module: filepath.Join(b.RepoDir, "lab"), pkg: "./cmd/kafka-exporter"}
	config := exporterConfig("/kafka-exporter", 9404)
	config.User = fmt.Sprintf("%d:%d", kafkaUser, kafkaUser)
	return recipe{
		ref:        KafkaExporterName + ":lab",
		title:      "Scalestack lab kafka-exporter",
		source:     "lab/cmd/kafka-exporter",
		substitute: kafkaExporterSubstitute,
		contentTag: true,
		config:     config,
		inputs:     func(ctx context.Context) (digest.Digest, error) { return b.compile(ctx, binary) },
		layers: func(context.Context) ([]layer, error) {
			return b.static(binary, func(t *tree) { t.file("SUBSTITUTE", 0o644, []byte(kafkaExporterSubstitute+"\n")) })
		},
	}
}

func exporterConfig(program string, port int) ocispec.ImageConfig {
	return ocispec.ImageConfig{
		User:         fmt.Sprintf("%d:%d", exporterUser, exporterUser),
		Env:          []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		Entrypoint:   []string{program},
		WorkingDir:   "/",
		ExposedPorts: map[string]struct{}{fmt.Sprintf("%d/tcp", port): {}},
	}
}
