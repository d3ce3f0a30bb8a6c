package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/scalestack/scalestack/internal/alerts"
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

func TestTheFileHasTheFigures(t *testing.T) {
	text, err := output(t, "--disk-hours", "48", "--runbooks", "https://wiki.example.com/", "--lag", "7", "--gone-hours", "72")
	require.NoError(t, err)
	require.Contains(t, text, "48 * 3600")
	require.Contains(t, text, "runbook_url: https://wiki.example.com/shard-down.md")
	require.Contains(t, text, "oldest_offset)) > 7")
	require.Contains(t, text, "count_over_time(scalestack_shard_up[72h])")
}

func TestTheOperatorsObject(t *testing.T) {
	text, err := output(t, "--operator", "--label", "release=prometheus")
	require.NoError(t, err)
	var object struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct {
			Name   string
			Labels map[string]string
		}
		Spec struct{ Groups []any }
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &object))
	require.Equal(t, "monitoring.coreos.com/v1 PrometheusRule", object.APIVersion+" "+object.Kind)
	require.Equal(t, map[string]string{"release": "prometheus"}, object.Metadata.Labels)
	require.Len(t, object.Spec.Groups, len(alerts.Groups(alerts.Defaults())))
}

func TestEveryMistakeIsReported(t *testing.T) {
	_, err := output(t, "--disk-hours", "0", "--connections-percent", "101", "--error-percent", "NaN", "--lag", "0", "--gone-hours", "0", "--runbooks", "here", "--label", "a=b")
	require.EqualError(t, err, `runbooks: "here" is not a URL that ends in /
disk-hours: 0 is not between 1 and 720
connections-percent: 101 is not between 1 and 100
error-percent: NaN is not between 0 and 100
lag: 0 is not at least 1
gone-hours: 0 is not between 1 and 168
label: is for --operator`)
}
