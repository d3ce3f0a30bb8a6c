package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/scalestack/scalestack/internal/dashboards"
)

func output(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var text bytes.Buffer
	c := command()
	c.SetOut(&text)
	c.SetArgs(args)
	err := c.ExecuteContext(t.Context())
	return text.String(), err
}

func TestConfigMapsHoldDashboards(t *testing.T) {
	text, err := output(t, "--label", "dashboards=yes")
	require.NoError(t, err)
	decoder, n := yaml.NewDecoder(bytes.NewReader([]byte(text))), 0
	for ; ; n++ {
		var object struct {
			Kind     string
			Metadata struct {
				Name   string
				Labels map[string]string
			}
			Data map[string]string
		}
		if err := decoder.Decode(&object); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
		require.Equal(t, "ConfigMap", object.Kind)
		require.Equal(t, map[string]string{"dashboards": "yes"}, object.Metadata.Labels)
		// A ConfigMap holds 1 MiB.
		require.Less(t, len(object.Data[object.Metadata.Name+".json"]), 1<<19)
		require.True(t, json.Valid([]byte(object.Data[object.Metadata.Name+".json"])))
	}
	require.Len(t, dashboards.All(), n)
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	text, err := output(t, "--out", dir)
	require.NoError(t, err)
	require.Empty(t, text)
	data, err := os.ReadFile(filepath.Join(dir, "scalestack-product.json"))
	require.NoError(t, err)
	require.True(t, json.Valid(data))
	_, err = output(t, "--out", filepath.Join(dir, "absent"))
	require.ErrorContains(t, err, "no such file or directory")
	_, err = output(t, "--out", dir, "--label", "a=b")
	require.ErrorContains(t, err, "none of the others can be")
}
