// Package shardtest runs shards with the service's tables for tests. Programs log in as
// they do in the stack, with the rights that Pulumi.dev.yaml declares for them.
package shardtest

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/schema"
	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const password = "login-secret"

// Start runs n shards with 12 buckets, and a router as the service users; both end
// with the test. See pgtest for when the test is skipped.
func Start(t *testing.T, n int) (*pgtest.Shards, *router.Router) {
	t.Helper()
	return StartAs(t, "users", n)
}

// StartAs is Start for another service of the stack.
func StartAs(t *testing.T, service string, n int) (*pgtest.Shards, *router.Router) {
	t.Helper()
	shards := pgtest.StartShards(t, n)
	shardtest.Migrate(t, t.Context(), shards, schema.Users())
	spec := declared(t)
	require.NoError(t, migrate.Roles(t.Context(), shards.Map, shards.Admin.As("test").ConnConfig, spec, slog.New(slog.DiscardHandler)))
	shards.App = As(shards, service)
	return shards, shardtest.Router(t, shards)
}

// As returns the settings with which a service of the stack reaches the shards.
func As(shards *pgtest.Shards, service string) settings.Shards {
	return shards.As(access.Login(service, 0), password)
}

// declared reads what the services of the dev stack say about their tables.
func declared(t *testing.T) *access.Spec {
	t.Helper()
	content, err := os.ReadFile(find(t, "Pulumi.dev.yaml"))
	require.NoError(t, err)
	var stack struct {
		Config struct {
			Services map[string]struct {
				Uses struct {
					Shards *struct{ Read, Write, Execute []string }
				}
			} `yaml:"scalestack:services"`
		}
	}
	require.NoError(t, yaml.Unmarshal(content, &stack))
	spec := &access.Spec{}
	for name, service := range stack.Config.Services {
		if uses := service.Uses.Shards; uses != nil {
			spec.Services = append(spec.Services, access.Service{Name: name, Password: password, Connections: 100,
				StatementTimeout: 60, IdleTransactionTimeout: 60, Read: uses.Read, Write: uses.Write, Execute: uses.Execute})
		}
	}
	require.NotEmpty(t, spec.Services)
	return spec
}

// find looks in the folders above the test's.
func find(t *testing.T, name string) string {
	t.Helper()
	folder, err := os.Getwd()
	require.NoError(t, err)
	for ; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		if file := filepath.Join(folder, name); exists(file) {
			return file
		}
	}
	require.FailNow(t, "not found in any folder above", name)
	return ""
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
