package postgres

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/sharding/certtest"
	"github.com/scalestack/scalestack/sharding/owner"
)

// tlsShard is a shard whose Secret is a folder.
func tlsShard(t *testing.T, mode k8s.TLSMode, authority *certtest.Authority) *shard {
	t.Helper()
	s := newShard(t)
	s.env = []string{"TLS_SOURCE=" + s.at("secret"), "TLS_FOLDER=" + s.at("volume/tls"), "TLS_CONFIG=" + s.folder,
		"TLS_NAMES=localhost", "TLS_PATIENCE=0"}
	s.mode(mode)
	s.secret(authority.Issue(time.Hour, "localhost", "127.0.0.1"), authority.Certificate)
	s.trust(authority)
	return s
}

func (s *shard) mode(mode k8s.TLSMode) {
	s.configure(&Args{Resources: k8s.Resources{Memory: "256Mi"}, MaxConnections: 20, TLS: &TLS{TLS: k8s.TLS{Secret: "shards-tls", Mode: mode}}})
}

// secret changes the Secret as kubelet does: all files at once.
func (s *shard) secret(pair certtest.Pair, trusted []byte) {
	s.t.Helper()
	version, err := os.MkdirTemp(s.folder, "..version")
	require.NoError(s.t, err)
	require.NoError(s.t, os.Chmod(version, 0o755))
	for name, content := range map[string][]byte{"tls.crt": pair.Certificate, "tls.key": pair.Key, "ca.crt": trusted} {
		require.NoError(s.t, os.WriteFile(filepath.Join(version, name), content, 0o644))
	}
	require.NoError(s.t, os.MkdirAll(s.at("secret"), 0o755))
	require.NoError(s.t, os.Symlink(version, s.at("secret/..next")))
	require.NoError(s.t, os.Rename(s.at("secret/..next"), s.at("secret/..data")))
	for _, name := range []string{"tls.crt", "tls.key", "ca.crt"} {
		_ = os.Symlink("..data/"+name, s.at("secret/"+name))
	}
}

// trust lets the tests' connections verify.
func (s *shard) trust(authorities ...*certtest.Authority) {
	var all []byte
	for _, one := range authorities {
		all = append(all, one.Certificate...)
	}
	s.write("trusted.crt", string(all))
	s.tls = "sslmode=verify-full sslrootcert=" + s.at("trusted.crt")
}

// look is what the readiness probe does before it asks the server.
func (s *shard) look() string {
	s.t.Helper()
	output, err := s.command("sh", s.at("tls.sh"), "look").CombinedOutput()
	require.NoError(s.t, err, string(output))
	return string(output)
}

// served is the serial number of the certificate that a new connection gets.
func (s *shard) served() string {
	s.t.Helper()
	conn, err := s.connect("postgres", "admin-1")
	require.NoError(s.t, err)
	defer conn.Close(context.Background())
	return conn.PgConn().Conn().(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// requireServed waits, since a server reads its files some time after it was told to.
func (s *shard) requireServed(different string) (serial string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { serial = s.served(); return serial != different }, 5*time.Second, 20*time.Millisecond)
	return serial
}

func (s *shard) restart() string {
	s.t.Helper()
	s.end(2)
	output, err := s.bootstrap()
	require.NoError(s.t, err, output)
	s.start()
	return output
}

func TestClearTextIsRefused(t *testing.T) {
	authority := certtest.NewAuthority(t, "test")
	s := tlsShard(t, k8s.TLSRequire, authority)
	s.requireBootstrap()
	s.start()
	require.Equal(t, "true TLSv1.3", s.query("postgres", "admin-1", "SELECT ssl || ' ' || version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))

	s.tls = "sslmode=disable"
	for _, role := range []string{"postgres", AppRole} {
		_, err := s.connect(role, "admin-1")
		require.ErrorContains(t, err, "no encryption", role)
	}
	_, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://postgres:admin-1@127.0.0.1:%d/postgres?replication=true&sslmode=disable", s.port))
	require.ErrorContains(t, err, "no encryption", "replication")
}

// The servers begin to refuse clear text without a restart: sessions go on.
func TestOfferBecomesRequireWithoutARestart(t *testing.T) {
	s := tlsShard(t, k8s.TLSOffer, certtest.NewAuthority(t, "test"))
	s.requireBootstrap()
	s.start()
	encrypted := s.tls
	session, err := s.connect("postgres", "admin-1")
	require.NoError(t, err)
	defer session.Close(context.Background())
	s.tls = "sslmode=disable"
	require.Equal(t, "false", s.query("postgres", "admin-1", "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "offered, not required")

	s.mode(k8s.TLSRequire)
	s.look()
	require.Eventually(t, func() bool {
		_, err := s.connect("postgres", "admin-1")
		return err != nil && strings.Contains(err.Error(), "no encryption")
	}, 5*time.Second, 20*time.Millisecond)
	require.NoError(t, session.Ping(t.Context()))
	s.tls = encrypted
	require.Equal(t, "1", s.query("postgres", "admin-1", "SELECT '1'"))
	require.Empty(t, s.look(), "nothing has changed since")
}

func TestACertificateIsRenewedWithoutARestart(t *testing.T) {
	former, next := certtest.NewAuthority(t, "former"), certtest.NewAuthority(t, "next")
	s := tlsShard(t, k8s.TLSRequire, former)
	s.requireBootstrap()
	s.start()
	session, err := s.connect("postgres", "admin-1")
	require.NoError(t, err)
	defer session.Close(context.Background())
	first := s.served()

	s.secret(former.Issue(time.Hour, "localhost", "127.0.0.1"), former.Certificate)
	require.Contains(t, s.look(), "tls: the server's certificate: serial=")
	second := s.requireServed(first)

	// A new authority: the clients trust both, then the servers' certificate is the new one's.
	both := slices.Concat(former.Certificate, next.Certificate)
	s.trust(former, next)
	s.secret(former.Issue(time.Hour, "localhost", "127.0.0.1"), both)
	s.look()
	third := s.requireServed(second)
	s.secret(next.Issue(time.Hour, "localhost", "127.0.0.1"), both)
	s.look()
	s.requireServed(third)
	s.trust(next)
	s.served()
	require.NoError(t, session.Ping(t.Context()), "sessions go on")
	kept, err := filepath.Glob(s.at("volume/tls/*"))
	require.NoError(t, err)
	require.Len(t, kept, 3, "one certificate, current and seen: %s", kept)
}

// refusal is what is said of a broken Secret.
func refusal(t *testing.T, kind string) string {
	t.Helper()
	says := map[string]string{
		"another's key":      "tls.key does not belong to tls.crt",
		"no key":             "tls.key is empty or absent",
		"no authority":       "ca.crt is empty or absent",
		"no certificate":     "tls.crt is not a certificate",
		"a key of nonsense":  "tls.key is not a key, or has a passphrase",
		"another's name":     "clients would refuse tls.crt as localhost: hostname mismatch",
		"an expired one":     "clients would refuse tls.crt as localhost: certificate has expired",
		"another's signer":   "clients would refuse tls.crt as localhost: ",
		"authority nonsense": "clients would refuse tls.crt as localhost",
	}
	require.Contains(t, says, kind)
	return says[kind]
}

func TestABrokenSecretNeverReachesTheServer(t *testing.T) {
	authority := certtest.NewAuthority(t, "test")
	s := tlsShard(t, k8s.TLSRequire, authority)
	s.requireBootstrap()
	s.start()
	serial := s.served()
	for kind, secret := range authority.Broken("localhost") {
		t.Run(kind, func(t *testing.T) {
			s.secret(secret.Pair, secret.Trusted)
			require.Contains(t, s.look(), "tls: the Secret is refused, so the server keeps the certificate that it has: "+refusal(t, kind))
			require.Empty(t, s.look(), "it is said once")
			require.Equal(t, serial, s.served())
		})
	}
	// Also over a restart.
	require.Contains(t, s.restart(), "tls: the Secret is refused, so the server starts with the certificate that it had: ")
	require.Equal(t, serial, s.served())
	// The cure needs nobody.
	s.secret(authority.Issue(time.Hour, "localhost", "127.0.0.1"), authority.Certificate)
	s.look()
	s.requireServed(serial)
}

// A clock or the machine may be what refuses a Secret that is good a moment later, and nothing writes it again.
func TestARefusedSecretIsTriedAgain(t *testing.T) {
	authority := certtest.NewAuthority(t, "test")
	s := tlsShard(t, k8s.TLSRequire, authority)
	s.requireBootstrap()
	s.start()
	serial := s.served()
	s.secret(authority.Issue(time.Hour, "localhost", "127.0.0.1"), authority.Certificate)
	s.program("openssl", "exit 1")
	require.Contains(t, s.look(), "tls: the Secret is refused, so the server keeps the certificate that it has: ")
	require.Empty(t, s.look(), "it is said once")
	require.Equal(t, serial, s.served())
	require.NoError(t, os.Remove(s.at("programs/openssl")))
	require.Contains(t, s.look(), "tls: the server's certificate: serial=")
	s.requireServed(serial)
	require.Empty(t, s.look(), "nothing has changed since")
}

func TestANewShardDoesNotStartWithABrokenSecret(t *testing.T) {
	authority := certtest.NewAuthority(t, "test")
	s := tlsShard(t, k8s.TLSRequire, authority)
	for kind, secret := range authority.Broken("localhost") {
		t.Run(kind, func(t *testing.T) {
			s.secret(secret.Pair, secret.Trusted)
			output, err := s.bootstrap()
			require.Error(t, err)
			require.Contains(t, output, "tls: the Secret is refused, and there is no former certificate: "+refusal(t, kind))
		})
	}
	s.secret(authority.Issue(time.Hour, "localhost", "127.0.0.1"), authority.Certificate)
	s.requireBootstrap()
}

// clientEnv is how the component's Jobs reach the shard.
func (s *shard) clientEnv() []string {
	return []string{"PGSSLMODE=verify-full", "PGSSLROOTCERT=" + s.at("trusted.crt")}
}

func TestARolloutIsVerified(t *testing.T) {
	authority := certtest.NewAuthority(t, "test")
	s := tlsShard(t, k8s.TLSOffer, authority)
	s.requireBootstrap()
	s.start()
	verified := func(more ...string) []string { return slices.Concat([]string{s.line("first")}, s.clientEnv(), more) }
	output, err := s.rollout(verified()...)
	require.NoError(t, err, output)
	s.requireRefusal("it still takes connections without TLS", verified("CLEARTEXT=refused")...)

	s.mode(k8s.TLSRequire)
	s.look()
	output, err = s.rollout(verified("CLEARTEXT=refused")...)
	require.NoError(t, err, output)
	s.requireRefusal("no encryption", s.line("first"))

	s.trust(certtest.NewAuthority(t, "other"))
	s.requireRefusal("certificate verify failed", verified()...)
}

// The gate comes before the deployment that turns TLS on or off.
func TestAServersVersionIsAskedAsItSpeaks(t *testing.T) {
	authority := certtest.NewAuthority(t, "test")
	clear, encrypted := runningShard(t), tlsShard(t, k8s.TLSRequire, authority)
	clear.trust(authority)
	encrypted.requireBootstrap()
	encrypted.start()
	check := func(s *shard, more ...string) {
		t.Helper()
		env := append(more, "CONFIG="+s.at("postgresql.conf"), fmt.Sprintf("OWN=shard-0 127.0.0.1 %d shard_0_db", s.port))
		output, err := s.rollout(env...)
		require.NoError(t, err, output)
		require.NotContains(t, output, "is not known")
		s.program("postgres", `case $* in --version) echo 'postgres (PostgreSQL) 17.5';; esac`)
		s.requireRefusal("shard-0 has data of PostgreSQL 16, and its image is PostgreSQL 17", env...)
	}
	check(clear, clear.clientEnv()...)
	check(encrypted)
}

func TestARolloutChecksTheCertificateFirst(t *testing.T) {
	authority := certtest.NewAuthority(t, "test")
	s := tlsShard(t, k8s.TLSRequire, authority)
	check := "CERTIFICATE=" + s.at("tls.sh")
	output, err := s.rollout(check, "HELD=nothing.invalid")
	require.NoError(t, err, output)
	for kind, secret := range authority.Broken("localhost") {
		t.Run(kind, func(t *testing.T) {
			s.secret(secret.Pair, secret.Trusted)
			s.requireRefusal("the Secret with the certificate: "+refusal(t, kind), check, "HELD=nothing.invalid")
		})
	}
	require.NoError(t, os.RemoveAll(s.at("secret")))
	s.requireRefusal("the Secret with the certificate: tls.crt is empty or absent", check, "HELD=nothing.invalid")
}

// Servers refuse clear text only when nobody is left who needs it.
func TestClientsWithoutTLSHoldUpItsRequirement(t *testing.T) {
	authority := certtest.NewAuthority(t, "test")
	s := tlsShard(t, k8s.TLSOffer, authority)
	s.requireBootstrap()
	s.start()
	clients := func() (string, error) {
		return s.judge("clients.sh", clientsProgram(), append(s.clientEnv(), "ROLE="+owner.Mover, s.line("-"))...)
	}
	output, err := clients()
	require.NoError(t, err, output)
	require.Contains(t, output, "no client of any shard is without TLS")

	encrypted := s.tls
	s.tls = "sslmode=disable application_name=billing"
	late, err := s.connect("postgres", "admin-1")
	require.NoError(t, err)
	output, err = clients()
	require.Error(t, err)
	require.Contains(t, output, "there are clients without TLS, which require would refuse: shard-0 has billing (postgres) at 127.0.0.1")
	require.NoError(t, late.Close(context.Background()))
	s.tls = encrypted
	output, err = clients()
	require.NoError(t, err, output)
}

// lookForClients runs the Job postgres-clients.
func (s *shard) lookForClients() (string, error) {
	s.t.Helper()
	return s.judge("clients.sh", clientsProgram(), append(s.clientEnv(), "ROLE="+owner.Mover, s.line("-"))...)
}

// A server that is down, or that refuses clear text already, has no clients without TLS. The deployment that
// repairs it comes after this Job.
func TestAShardWithoutClearTextHoldsUpNoRepair(t *testing.T) {
	s := tlsShard(t, k8s.TLSRequire, certtest.NewAuthority(t, "test"))
	s.requireBootstrap()
	output, err := s.lookForClients()
	require.NoError(t, err, "a server that does not start: %s", output)
	s.start()
	s.exec("ALTER ROLE scalestack_mover PASSWORD 'of the former state'")
	output, err = s.lookForClients()
	require.NoError(t, err, "a server with the passwords of a lost state: %s", output)
}

func TestAShardThatMayHaveClientsIsWaitedFor(t *testing.T) {
	s := tlsShard(t, k8s.TLSOffer, certtest.NewAuthority(t, "test"))
	s.requireBootstrap()
	s.start()
	require.NoError(t, s.server.Process.Signal(syscall.SIGSTOP))
	output, err := s.lookForClients()
	require.NoError(t, s.server.Process.Signal(syscall.SIGCONT))
	require.Error(t, err)
	require.Contains(t, output, "timeout expired")
	s.exec("ALTER ROLE scalestack_mover PASSWORD 'another'")
	output, err = s.lookForClients()
	require.Error(t, err)
	require.Contains(t, output, "password authentication failed")
	s.write("credentials/shard-0/former", "never\nanother\n")
	output, err = s.lookForClients()
	require.NoError(t, err, "a server that a rotation has not reached: %s", output)
}

func TestServersWithoutTLSCannotRequireIt(t *testing.T) {
	s := runningShard(t)
	s.write("trusted.crt", string(certtest.NewAuthority(t, "test").Certificate))
	output, err := s.judge("clients.sh", clientsProgram(), append(s.clientEnv(), "ROLE="+owner.Mover, s.line("-"))...)
	require.Error(t, err)
	require.Contains(t, output, "shard-0 has no TLS yet, so its clients have none: deploy with postgres.tls.mode offer first")
	s.requireRefusal("server does not support SSL", append(s.clientEnv(), s.line("first"))...)
}

func TestAShardThatDoesNotExistHasNoClients(t *testing.T) {
	s := tlsShard(t, k8s.TLSOffer, certtest.NewAuthority(t, "test"))
	output, err := s.judge("clients.sh", clientsProgram(), append(s.clientEnv(), "ROLE="+owner.Mover, "SHARDS=shard-0 nothing.invalid. 5432 shard_0_db -\n")...)
	require.NoError(t, err, output)
}
