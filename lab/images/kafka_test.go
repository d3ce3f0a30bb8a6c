package images

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

func TestKafkaJarsArePinned(t *testing.T) {
	jars, err := kafkaJars()
	require.NoError(t, err)
	for _, a := range append(exporterArtifacts, kafkaArtifacts...) {
		require.Contains(t, jars, a.Name+"-"+a.Version+".jar")
	}
	for name, sum := range jars {
		require.NoError(t, digest.NewDigestFromEncoded(digest.SHA256, sum).Validate(), name)
	}
}

func TestKafkaTakesOnlyTheListedJars(t *testing.T) {
	for name, c := range map[string]struct{ file, body, message string }{
		"another jar":  {"spy-1.0.jar", "", "spy-1.0.jar: its sha256 .* is not in jars.sha256"},
		"another body": {"kafka_2.13-3.7.1.jar", "changed", "kafka_2.13-3.7.1.jar: its sha256 .* is not in jars.sha256"},
		"jars missing": {"", "", "Maven did not fetch it"},
	} {
		t.Run(name, func(t *testing.T) {
			b := testBuilder(t)
			dir := b.cache("kafka-" + kafkaVersion)
			require.NoError(t, os.MkdirAll(dir, 0o755))
			require.NoError(t, os.MkdirAll(b.cache("jmx-exporter-"+exporterVersion), 0o755))
			if c.file != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, c.file), []byte(c.body), 0o600))
			}
			err := b.addJars(t.Context(), newTree())
			require.Error(t, err)
			require.Regexp(t, c.message, err.Error())
		})
	}
}
