package crds

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArguments(t *testing.T) {
	args := batch{"v1beta2", []definition{{"040", "kafka.Kafka"}}}.arguments("jars/*", "out")
	require.Equal(t, strings.Fields(`-classpath jars/* io.strimzi.crdgenerator.CrdGenerator
		--label app:strimzi --label strimzi.io/crd-install:true --target-kube 1.16+ --crd-api-version v1
		--api-versions v1beta2 --storage-version v1beta2 --yaml io.strimzi.api.kafka.model.kafka.Kafka=out/040.yaml`), args)
}

func TestEveryDefinitionHasItsOwnNumber(t *testing.T) {
	numbers := map[string]string{}
	for _, b := range batches {
		for _, d := range b.definitions {
			require.Empty(t, numbers[d.number], d.number)
			numbers[d.number] = d.class
		}
	}
	require.Len(t, numbers, 11)
}

func TestJoinKeepsTheOrderOfNames(t *testing.T) {
	dir := t.TempDir()
	for name, body := range map[string]string{"04A.yaml": "c\n", "040.yaml": "a\n", "049.yaml": "b\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600))
	}
	all, err := join(dir)
	require.NoError(t, err)
	require.Equal(t, "---\na\n---\nb\n---\nc\n", string(all))
}

func TestGenerateRefusesOtherDefinitionsAndLeavesNothing(t *testing.T) {
	opts := fakeJava(t, `for last; do :; done; echo changed > "${last#*=}"`)
	_, err := Generate(context.Background(), opts)
	require.ErrorContains(t, err, "not the release's "+sum)
	left, err := filepath.Glob(filepath.Join(opts.OutDir, "*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestGenerateShowsWhyJavaFailed(t *testing.T) {
	opts := fakeJava(t, "echo no such class; exit 1")
	_, err := Generate(context.Background(), opts)
	require.ErrorContains(t, err, "java: exit status 1\nno such class")
}

// fakeJava puts a script named java before all others on PATH, and the jars where Generate would fetch them.
func fakeJava(t *testing.T, script string) Options {
	t.Helper()
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "java"), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	opts := Options{CacheDir: t.TempDir(), OutDir: t.TempDir(), Log: &bytes.Buffer{}}
	require.NoError(t, os.MkdirAll(filepath.Join(opts.CacheDir, "crds", "strimzi-"+Version), 0o755))
	return opts
}
