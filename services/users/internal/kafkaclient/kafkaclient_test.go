package kafkaclient_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/kafkaclient"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// start runs a Kafka that only knows the user relay and its password.
func start(t *testing.T) settings.Kafka {
	t.Helper()
	folder := t.TempDir()
	authority, server := certificates(t)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(server), kfake.EnableSASL(),
		kfake.Superuser("SCRAM-SHA-512", "relay", "secret"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	s := settings.Kafka{Bootstrap: cluster.ListenAddrs(), CA: filepath.Join(folder, "ca.crt"), User: "relay", Credentials: folder}
	write(t, s.CA, authority)
	write(t, filepath.Join(folder, "password"), []byte("secret\n"))
	return s
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, content, 0o600))
}

func ping(t *testing.T, s settings.Kafka) error {
	t.Helper()
	client, err := kgo.NewClient(append(kafkaclient.Options(s, "test", slog.New(slog.DiscardHandler)), kgo.RetryTimeout(time.Second))...)
	require.NoError(t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	return client.Ping(ctx)
}

func TestPasswordOverTLS(t *testing.T) {
	s := start(t)
	require.NoError(t, ping(t, s))
	password := filepath.Join(s.Credentials, "password")

	// The fake hangs up on who it does not know.
	write(t, password, []byte("wrong"))
	require.ErrorContains(t, ping(t, s), "EOF")
	write(t, password, nil)
	require.ErrorContains(t, ping(t, s), "password is empty")
	require.NoError(t, os.Remove(password))
	require.ErrorContains(t, ping(t, s), "credentials of Kafka: open ")

	write(t, password, []byte("secret"))
	s.User = "somebody"
	require.ErrorContains(t, ping(t, s), "EOF")
}

func TestOnlyTheRightAuthority(t *testing.T) {
	s := start(t)
	other, _ := certificates(t)
	write(t, s.CA, other)
	require.ErrorContains(t, ping(t, s), "certificate signed by unknown authority")
	write(t, s.CA, []byte("no certificate"))
	require.ErrorContains(t, ping(t, s), "ca.crt holds no certificate")
}

func TestEveryAuthorityOfAFolder(t *testing.T) {
	s := start(t)
	file := s.CA
	other, _ := certificates(t)
	right, err := os.ReadFile(file)
	require.NoError(t, err)
	s.CA = filepath.Join(t.TempDir(), "[ca]*")
	require.NoError(t, os.Mkdir(s.CA, 0o700))
	require.ErrorContains(t, ping(t, s), "holds no *.crt file")

	// Kubernetes mounts a Secret as links into a hidden folder.
	require.NoError(t, os.Mkdir(filepath.Join(s.CA, "..2026"), 0o700))
	write(t, filepath.Join(s.CA, "..2026", "ca.crt"), other)
	write(t, filepath.Join(s.CA, "ca.p12"), []byte("not for us"))
	require.NoError(t, os.Symlink("..2026/ca.crt", filepath.Join(s.CA, "ca.crt")))
	require.ErrorContains(t, ping(t, s), "certificate signed by unknown authority")
	write(t, filepath.Join(s.CA, "ca-2026-01-02T03-04-05Z.crt"), right)
	require.NoError(t, ping(t, s))
	write(t, filepath.Join(s.CA, "broken.crt"), []byte("no certificate"))
	require.ErrorContains(t, ping(t, s), "broken.crt holds no certificate")
}
