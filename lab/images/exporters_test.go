package images

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A changed exporter has another name, so that it rolls out; and the image says what it is.
func TestKafkaExporterSaysWhatItIs(t *testing.T) {
	b := testBuilder(t)
	require.NoError(t, os.MkdirAll(b.cache("bin"), 0o755))
	refs := map[string]bool{}
	for _, program := range []string{"one", "two"} {
		require.NoError(t, os.WriteFile(filepath.Join(b.cache("bin"), "kafka-exporter"), []byte(program), 0o600))
		r := b.kafkaExporter()
		r.inputs = nil // which compiles
		require.NoError(t, os.RemoveAll(b.OutDir))
		require.NoError(t, os.MkdirAll(b.OutDir, 0o755))
		made, err := b.image(t.Context(), r)
		require.NoError(t, err)
		require.Regexp(t, "^"+KafkaExporterName+":lab-[0-9a-f]{12}$", made.Ref)
		require.Contains(t, made.Substitute, "emulator of kafka_exporter")
		refs[made.Ref] = true
	}
	require.Len(t, refs, 2)
}
