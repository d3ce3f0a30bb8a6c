package redis

import (
	"context"
	"crypto/tls"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/sharding/certtest"
)

func TestClearTextIsRefusedWhereTLSIsRequired(t *testing.T) {
	by := certtest.NewAuthority(t, "test")
	for mode, offered := range map[k8s.TLSMode]bool{k8s.TLSOffer: true, k8s.TLSRequire: false} {
		t.Run(string(mode), func(t *testing.T) {
			p := startPod(t, mode, by.Issue(time.Hour, testName), by.Certificate)
			p.serve()
			p.awaitServed(p.verified(by.Certificate), "")
			require.NoError(t, p.client(p.verified(by.Certificate)).Set(t.Context(), "user_profile:1", "ada", time.Hour).Err())
			require.Error(t, client(t, p.tls, AppUser, "secret").Ping(t.Context()).Err(), "clear text to the port with TLS")
			err := client(t, p.clear, AppUser, "secret").Get(t.Context(), "user_profile:1").Err()
			require.Equal(t, offered, err == nil, "%v", err)
			old := p.verified(by.Certificate)
			old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			require.Error(t, p.client(old).Ping(t.Context()).Err(), "TLS 1.1")
			require.ErrorContains(t, p.client(p.verified(certtest.NewAuthority(t, "other").Certificate)).Ping(t.Context()).Err(), "unknown authority")
		})
	}
}

// A connection of before goes on, with a command at every moment of the renewal.
func TestARenewalEndsNoConnection(t *testing.T) {
	former, next := certtest.NewAuthority(t, "former"), certtest.NewAuthority(t, "next")
	p := startPod(t, k8s.TLSRequire, former.Issue(time.Hour, testName), former.Certificate)
	p.serve()
	serial := p.awaitServed(p.verified(former.Certificate), "")
	session := p.client(p.verified(former.Certificate)).Conn()
	defer session.Close()
	ctx, stop := context.WithCancel(t.Context())
	failed, counted := make(chan error, 1), make(chan int, 1)
	go func() {
		count := 0
		for ; ctx.Err() == nil; count++ {
			if err := session.Set(context.Background(), "user_profile:1", count, time.Hour).Err(); err != nil {
				failed <- err
				break
			}
		}
		counted <- count
	}()
	both := slices.Concat(former.Certificate, next.Certificate)
	for _, step := range []struct {
		by            *certtest.Authority
		files, client []byte
	}{{former, former.Certificate, former.Certificate}, {former, both, both}, {next, both, both}, {next, next.Certificate, next.Certificate}} {
		p.trusted = step.files
		p.secret(step.by.Issue(time.Hour, testName))
		serial = p.awaitServed(p.verified(step.client), serial)
	}
	stop()
	require.Positive(t, <-counted)
	require.Empty(t, failed)
	kept, err := filepath.Glob(p.at("run/tls/*/tls.key"))
	require.NoError(t, err)
	require.Len(t, kept, 2, "current by two names: %s", kept)
}

// refusal is what is said of a broken Secret.
func refusal(t *testing.T, kind string) string {
	t.Helper()
	const refused = "clients would refuse tls.crt: it is expired, or signed by none of ca.crt"
	says := map[string]string{
		"another's key":      "the server would not take it: Failed to load private key",
		"no key":             "tls.key is empty or absent",
		"no authority":       "ca.crt is empty or absent",
		"no certificate":     "the server would not take it: Failed to load certificate",
		"a key of nonsense":  "the server would not take it: Failed to load private key",
		"another's name":     "clients would refuse tls.crt: it does not have the name " + testName,
		"an expired one":     refused,
		"another's signer":   refused,
		"authority nonsense": "it cannot be tried: ",
	}
	require.Contains(t, says, kind)
	return says[kind]
}

func TestABrokenSecretNeverReachesTheServer(t *testing.T) {
	by := certtest.NewAuthority(t, "test")
	trust := func(p *tlsPod) *tls.Config { return p.verified(by.Certificate) }
	p := startPod(t, k8s.TLSRequire, by.Issue(time.Hour, "*.scalestack.svc.cluster.local"), by.Certificate)
	end := p.serve()
	serial := p.awaitServed(trust(p), "")
	for kind, secret := range by.Broken(testName) {
		t.Run(kind, func(t *testing.T) {
			said := len(p.log())
			p.trusted = secret.Trusted
			p.secret(secret.Pair)
			line := "tls: the Secret is refused, so the server keeps the certificate that it has: " + refusal(t, kind)
			require.Eventually(t, func() bool { return strings.Contains(p.log()[said:], line) }, 20*time.Second, 20*time.Millisecond, "%s in %s", line, p.log())
			require.Equal(t, serial, p.served(trust(p)))
			require.Equal(t, 1, strings.Count(p.log()[said:], "\n"), "it is said once: %s", p.log()[said:])
		})
	}
	// Also over a restart.
	end()
	p.serve()
	require.Equal(t, serial, p.awaitServed(trust(p), ""))
	// The cure needs nobody.
	p.trusted = by.Certificate
	p.secret(by.Issue(time.Hour, testName))
	p.awaitServed(trust(p), serial)
}

func TestANewPodWaitsForASecretThatCanBeUsed(t *testing.T) {
	by := certtest.NewAuthority(t, "test")
	p := startPod(t, k8s.TLSRequire, by.Issue(-time.Hour, testName), by.Certificate)
	end := p.serve()
	p.awaitLog("tls: the Secret is refused, and the server waits for one that can be used: clients would refuse tls.crt")
	require.Empty(t, p.served(p.verified(by.Certificate)))
	end()
	p.serve()
	p.secret(by.Issue(time.Hour, testName))
	p.awaitServed(p.verified(by.Certificate), "")
}

// An expired certificate is its clients' matter. A restart would not renew it, and would
// cost what is stored.
func TestAnExpiredCertificateRestartsNothing(t *testing.T) {
	by := certtest.NewAuthority(t, "test")
	// Longer than it takes to be checked.
	p := startPod(t, k8s.TLSRequire, by.Issue(8*time.Second, testName), by.Certificate)
	p.serve()
	p.awaitServed(p.verified(by.Certificate), "")
	probe := func() error {
		return p.command("sh", "-c", p.paths.Replace(check(&Args{TLS: &k8s.TLS{}}, ready))).Run()
	}
	require.NoError(t, probe())
	require.Eventually(t, func() bool { return p.served(p.verified(by.Certificate)) == "" }, 30*time.Second, 100*time.Millisecond, "expired")
	require.NoError(t, probe())
}

// The user of the container tls may not read anything, and nobody else may be it.
func TestTheUserOfTheCertificates(t *testing.T) {
	by := certtest.NewAuthority(t, "test")
	p := startPod(t, k8s.TLSRequire, by.Issue(time.Hour, testName), by.Certificate)
	p.serve()
	p.awaitServed(p.verified(by.Certificate), "")
	password, err := os.ReadFile(p.at("run/password"))
	require.NoError(t, err)
	as := func(user, password string) *redis.Client {
		c := redis.NewClient(&redis.Options{Addr: p.tls, Username: user, Password: password, TLSConfig: p.verified(by.Certificate), MaxRetries: -1})
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	keeper := as("certificates", strings.TrimSpace(string(password)))
	require.NoError(t, keeper.ConfigSet(t.Context(), "tls-cert-file", p.at("run/tls/current/tls.crt")).Err())
	for _, command := range [][]any{{"GET", "user_profile:1"}, {"CONFIG", "GET", "*"}, {"ACL", "LIST"}, {"INFO"}, {"FLUSHALL"}} {
		require.ErrorContains(t, keeper.Do(t.Context(), command...).Err(), "NOPERM", command)
	}
	require.ErrorContains(t, as("certificates", "guess").Ping(t.Context()).Err(), "WRONGPASS")
	for _, user := range []string{AppUser, ""} {
		require.ErrorContains(t, as(user, map[string]string{AppUser: "secret"}[user]).ConfigSet(t.Context(), "port", "6379").Err(), "NOPERM")
	}
}
