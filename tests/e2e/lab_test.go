//go:build e2e

// Package e2e proves with real traffic, against the lab that `make up` started,
// what the README promises. The tests share one stack, so they run one after
// another; each leaves the stack as it found it.
package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/testenv"
)

// repo is the top of the checkout, whose .lab/env the Makefile sources.
var repo = filepath.Join("..", "..")

// output is what the stack tells about itself.
type output struct {
	Namespace string `json:"namespace"`
	ShardMap  struct {
		ConfigMap string `json:"configMap"`
	} `json:"shardMap"`
	Shards []struct {
		Name string `json:"name"`
		Host string `json:"host"`
	} `json:"shards"`
}

func outputs(t *testing.T) output {
	t.Helper()
	var out output
	require.NoError(t, json.Unmarshal([]byte(pulumi(t, "stack", "output", "--json")), &out))
	return out
}

// command runs a program of the lab and fails the test with its output if it
// does not succeed.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	text, err := try(t, name, args...)
	require.NoError(t, err, "%s %s\n%s", name, strings.Join(args, " "), text)
	return text
}

// try is command for a program that may fail: both streams and the error. It
// also works in a cleanup, when the test's context has ended.
func try(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = repo
	var all, out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &all
	err := cmd.Run()
	if err != nil {
		return out.String() + all.String(), err
	}
	return out.String(), nil
}

// stackName is the stack that the tests are about. A drill has one of its own.
var stackName = "dev"

func pulumi(t *testing.T, args ...string) string {
	t.Helper()
	return command(t, "pulumi", append(args, "--stack", stackName, "--non-interactive")...)
}

func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return command(t, "kubectl", args...)
}

// serviceAddress is a Service's address as the host can reach it.
func serviceAddress(t *testing.T, namespace, service string) string {
	t.Helper()
	return kubectl(t, "get", "service", service, "-n", namespace, "-o", "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}")
}

func secret(t *testing.T, namespace, name, key string) string {
	t.Helper()
	encoded := kubectl(t, "get", "secret", name, "-n", namespace, "-o", fmt.Sprintf("jsonpath={.data.%s}", key))
	value, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	return string(value)
}

// shardsCA are the authorities of the shards' certificates; nil for shards without TLS.
var shardsCA *x509.CertPool

// databaseConfig are the settings of a connection to a shard as the mover, past the app. A shard of an earlier release has
// none and lets its superuser in.
func databaseConfig(t *testing.T, namespace string, shard int) *pgx.ConnConfig {
	t.Helper()
	name := fmt.Sprintf("postgres-shard-%d", shard)
	config, err := pgx.ParseConfig(fmt.Sprintf("postgres://scalestack_mover@%s/shard_%d_db?sslmode=disable", serviceAddress(t, namespace, name), shard))
	require.NoError(t, err)
	if shardsCA != nil {
		// By its address, and still for the name that the certificate has.
		config.TLSConfig = &tls.Config{RootCAs: shardsCA, ServerName: name + "." + namespace + ".svc.cluster.local"}
	}
	if config.Password = secret(t, namespace, name+"-admin", "mover-password"); config.Password == "" {
		config.User, config.Password = "postgres", secret(t, namespace, name+"-admin", "password")
	}
	return config
}

// database connects to a shard until the test ends.
func database(t *testing.T, namespace string, shard int) *pgx.Conn {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), databaseConfig(t, namespace, shard))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// execute runs a statement on a shard, also when the test has ended and cleans up.
func execute(t *testing.T, namespace string, shard int, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.ConnectConfig(context.Background(), databaseConfig(t, namespace, shard))
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), sql, args...)
	require.NoError(t, err)
}

// eventually asks until check holds, and fails with its last reason.
func eventually(t *testing.T, limit time.Duration, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			require.NoError(t, err, "%s: not within %s", what, limit)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

func TestMain(m *testing.M) {
	if os.Getenv("PULUMI_BACKEND_URL") == "" {
		fmt.Println("the end-to-end tests need the lab: make e2e")
		os.Exit(1)
	}
	os.Exit(testenv.Temporary(m))
}
