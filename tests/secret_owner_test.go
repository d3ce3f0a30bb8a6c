package tests

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// A Secret of the configuration that has the name of one that a component or Strimzi makes
// would have two owners, of which the one that goes deletes it.
func TestNoSecretHasTwoOwners(t *testing.T) {
	for _, env := range []string{"dev", "prod"} {
		given := map[string]map[string]string{}
		for kind, prefix := range map[string]string{"kubernetes:core/v1:Secret": "", "kubernetes:kafka.strimzi.io/v1beta2:KafkaUser": "kafka-user-"} {
			for _, made := range deployed(t, env).find(kind) {
				given[prefix+at(t, made, "metadata.name")] = map[string]string{"password": "hush"}
			}
		}
		require.Greater(t, len(given), 10)
		text, err := json.Marshal(given)
		require.NoError(t, err)
		_, err = run(t, env, map[string]string{"scalestack:secrets": string(text)}, func(info *pulumi.RunInfo) {
			info.ConfigSecretKeys = []string{"scalestack:secrets"}
		})
		for name := range given {
			require.ErrorContains(t, err, "scalestack:secrets."+name+`: Invalid value: "`+name+`": is the name of a Secret that the stack makes itself`)
		}
	}
}

// Whoever renders the objects keeps the Secrets that the page lists out of the repository.
func TestThePageOnFilesListsEverySecret(t *testing.T) {
	page, err := os.ReadFile("../docs/gitops.md")
	require.NoError(t, err)
	var listed []string
	for _, row := range regexp.MustCompile(`(?m)^\| (`+"`"+`[^|]+) \|`).FindAllStringSubmatch(string(page), -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			listed = append(listed, regexp.MustCompile(`<[^>]+>`).ReplaceAllString(name[1], `.+`))
		}
	}
	pattern := regexp.MustCompile("^(" + strings.Join(listed, "|") + ")$")
	for _, made := range deployed(t, "prod").find("kubernetes:core/v1:Secret") {
		require.Regexp(t, pattern, at(t, made, "metadata.name"))
	}
}
