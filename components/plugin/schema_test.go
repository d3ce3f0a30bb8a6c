package main

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/settings"
)

var update = flag.Bool("update", false, "write schema.json")

func described() *settings.Package {
	p := settings.NewPackage(name, settings.NewDocs("../..", "github.com/scalestack/scalestack"))
	p.DisplayName = "Scalestack"
	p.Description = "Sharded PostgreSQL, services that scale, Kafka, Redis and Cloudflare's edge on Kubernetes."
	p.License = "Apache-2.0"
	// A token's module is all between its colons.
	p.Meta = map[string]string{"moduleFormat": "(.*)"}
	p.Language = map[string]any{
		"nodejs": map[string]any{"respectSchemaVersion": true},
		"python": map[string]any{"respectSchemaVersion": true, "pyproject": map[string]any{"enabled": true}},
		"csharp": map[string]any{"respectSchemaVersion": true},
		"java":   map[string]any{},
	}
	for token, one := range components {
		p.Add(token, one.made, one.args)
	}
	return p
}

func TestSchemaIsCurrent(t *testing.T) {
	text, err := json.MarshalIndent(described(), "", "  ")
	require.NoError(t, err)
	want := string(text) + "\n"
	if *update {
		require.NoError(t, os.WriteFile("schema.json", []byte(want), 0o644))
	}
	got, err := os.ReadFile("schema.json")
	require.NoError(t, err)
	require.Equal(t, want, string(got), "run make schema-plugin")
}

// goOnly are the fields that no other language can set: they take a resource, or a value
// that a stack works out, or are for a Job that is no service's.
var goOnly = map[string]bool{
	"service.Args.After": true, "service.Args.BaseEnv": true, "service.Args.Look": true, "gateway.Args.Status": true,
	"job.Args.After": true, "job.Args.BaseEnv": true, "job.Args.SkipAwait": true, "job.Args.PullSecret": true,
	"service.Args.Opened": true, "postgres.Args.Opened": true, "redis.Args.Opened": true, "redis.Args.Later": true, "kafka.Args.Opened": true, "tunnel.Args.Opened": true,
	"gateway.Args.After": true, "postgres.Args.New": true, "postgres.Args.PasswordRotation": true, "postgres.Args.Unfinished": true, "postgres.Args.LocalSuperuser": true, "kafka.Args.Names": true,
}

// A name has one home: the pulumi tag of a field repeats the json name, or the Go name
// of one that a stack's configuration does not have.
func TestEveryFieldIsTagged(t *testing.T) {
	seen := map[reflect.Type]bool{}
	for _, one := range components {
		checkTags(t, one.args, seen)
	}
	require.Greater(t, len(seen), 20)
}

func checkTags(t *testing.T, of reflect.Type, seen map[reflect.Type]bool) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || seen[of] {
		return
	}
	seen[of] = true
	for _, one := range settings.Tags(of) {
		if field := of.String() + "." + one.Field; goOnly[field] {
			require.Empty(t, one.Exported, field)
			continue
		}
		require.Equal(t, one.Name, one.Exported, `%s.%s needs pulumi:"%s" with ",optional" unless it is required`, of, one.Field, one.Name)
		require.False(t, one.Required && one.Optional, "%s.%s is required", of, one.Field)
		checkTags(t, one.Type, seen)
	}
}
