//go:build e2e

package e2e

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/certtest"
	"github.com/scalestack/scalestack/sharding/history"
	"github.com/scalestack/scalestack/tests/load"
)

const (
	tlsName       = "tls"
	tlsSecretName = "shards-tls"
	// certificateHolds is longer than the drill.
	certificateHolds = 12 * time.Hour
)

// tlsDrill is a stack of its own that gets TLS under load.
type tlsDrill struct {
	*proof
	stack ownStack
	// shardsBy and cacheBy sign the certificates of the shards and of the cache.
	shardsBy, cacheBy *certtest.Authority
}

// TestTLS deploys a stack without TLS, and under load lets its servers offer it and then require it. Then it goes through PARTS:
//
//	move     a bucket goes from one shard to the other
//	rotate   the shards' certificate is replaced, and its authority
//	redis    the cache gets TLS in the same way, and is shown broken Secrets
//	members  each shard gets two standbys, and one takes over
//	expires  alert CertificateExpires holds for the drill's short certificate, and ends with a longer one
//	all      after redis and members: the certificates of every server are replaced at the same moment, and their authorities
func TestTLS(t *testing.T) {
	if os.Getenv("DRILL") != "tls" {
		t.Skip("takes minutes: make prove-tls")
	}
	s := newOwnStack(t, tlsName, "tlsstack.yaml")
	s.deploy()
	t.Cleanup(func() { shardsCA = nil })
	d := &tlsDrill{newProof(t, number(t, "USERS", 200)), s, certtest.NewAuthority(t, "shards"), certtest.NewAuthority(t, "cache")}
	d.secret(d.shardsBy, d.shardsBy.Certificate, certificateHolds)

	d.start(load.Options{Rate: float64(number(t, "RATE", 40)), Clients: 6})
	d.up("offer", map[string]string{"tls.secret": tlsSecretName, "tls.mode": "offer"})
	shardsCA = pool(d.shardsBy.Certificate)
	// Pods of before serve their last requests.
	eventually(t, time.Minute, "no client of the stack is without TLS", func() error {
		if left := d.inClear(); len(left) > 0 {
			return fmt.Errorf("in clear text: %v", left)
		}
		return nil
	})
	d.up("require", map[string]string{"tls.mode": "require"})
	d.requireRefused()
	for _, part := range strings.Fields(os.Getenv("PARTS")) {
		do := map[string]func(){"move": d.move, "rotate": d.rotate, "redis": d.cache, "members": d.join, "expires": d.expires, "all": d.renewAll}[part]
		require.NotNil(t, do, "PARTS: %s", part)
		do()
	}
	report := d.compare()
	require.Zero(t, report.Failed, "%s", report)
}

func pool(certificates ...[]byte) *x509.CertPool {
	p := x509.NewCertPool()
	for _, one := range certificates {
		p.AppendCertsFromPEM(one)
	}
	return p
}

// up deploys a change of scalestack:postgres, and says how long it took.
func (d *tlsDrill) up(what string, settings map[string]string) {
	d.t.Helper()
	d.deploy(what, "postgres", settings)
}

func (d *tlsDrill) deploy(what, section string, settings map[string]string) {
	d.t.Helper()
	began := time.Now()
	for path, value := range settings {
		d.stack.set(map[string]string{"scalestack:" + section + "." + path: value})
	}
	d.stack.deploy()
	d.t.Logf("%s: pulumi up in %s", what, time.Since(began).Round(time.Second))
}

// secret writes the Secret with a new certificate of the authority, for both shards.
func (d *tlsDrill) secret(by *certtest.Authority, trusted []byte, holds time.Duration) {
	d.t.Helper()
	domain := "." + tlsName + ".svc.cluster.local"
	names := []string{"*" + domain}
	for _, shard := range d.shards.Shards {
		names = append(names, "*.postgres-"+shard.Name+"-headless"+domain)
	}
	d.write(tlsSecretName, by.Issue(holds, names...), trusted)
}

// write makes or replaces a Secret with a certificate.
func (d *tlsDrill) write(name string, pair certtest.Pair, trusted []byte) {
	d.t.Helper()
	folder := d.t.TempDir()
	for name, content := range map[string][]byte{"tls.crt": pair.Certificate, "tls.key": pair.Key, "ca.crt": trusted} {
		require.NoError(d.t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	manifest := kubectl(d.t, "create", "secret", "generic", name, "-n", d.namespace, "--from-file="+folder, "--dry-run=client", "-o", "yaml")
	file := filepath.Join(d.t.TempDir(), "secret.yaml")
	require.NoError(d.t, os.WriteFile(file, []byte(manifest), 0o600))
	kubectl(d.t, "apply", "--server-side", "--force-conflicts", "-f", file)
}

// sessions counts the connections over the network by program, role and whether they are encrypted.
func (d *tlsDrill) sessions(encrypted bool) map[string]int {
	d.t.Helper()
	found := map[string]int{}
	d.onShards(func(ctx context.Context, shards []history.Shard) {
		for _, shard := range shards {
			rows, err := shard.Conn.Query(ctx, `SELECT coalesce(nullif(application_name, ''), '-') || ' (' || usename || ')', count(*) FROM pg_stat_ssl
				JOIN pg_stat_activity USING (pid) WHERE client_addr IS NOT NULL AND usename IS NOT NULL AND ssl = $1 GROUP BY 1`, encrypted)
			require.NoError(d.t, err)
			var name string
			var count int
			_, err = pgx.ForEachRow(rows, []any{&name, &count}, func() error { found[name] += count; return nil })
			require.NoError(d.t, err)
		}
	})
	return found
}

func (d *tlsDrill) inClear() map[string]int { return d.sessions(false) }

// requireRefused shows that no login without TLS is possible, the exporter's with TLS is, and what is connected.
func (d *tlsDrill) requireRefused() {
	d.t.Helper()
	for _, shard := range d.shards.Shards {
		config := databaseConfig(d.t, d.namespace, shard.ID)
		config.TLSConfig = nil
		_, err := pgx.ConnectConfig(d.t.Context(), config)
		require.ErrorContains(d.t, err, "no encryption")
		d.t.Logf("%s, a client in clear text: %s", shard.Name, err)
		require.Contains(d.t, d.probe(shard.Name), "\npg_up 1\n")
	}
	require.Empty(d.t, d.inClear())
	encrypted := d.sessions(true)
	d.t.Logf("encrypted sessions by program: %v", encrypted)
	require.NotEmpty(d.t, encrypted)
}

// probe asks the exporter for a shard, which it reaches with TLS alone.
func (d *tlsDrill) probe(shard string) string {
	d.t.Helper()
	return d.get(fmt.Sprintf("http://%s:9187/probe?auth_module=shards&target=postgres-%s.%s.svc.cluster.local:5432/shard_%s_db",
		d.podAddress("postgres-exporter"), shard, d.namespace, strings.TrimPrefix(shard, "shard-")))
}

// move gives a bucket of the first shard to the second.
func (d *tlsDrill) move() {
	d.t.Helper()
	const bucket = 4
	require.Equal(d.t, 0, d.assignment()[bucket])
	began := time.Now()
	encrypted := 0
	d.up("pin", map[string]string{fmt.Sprintf("pins[%q]", fmt.Sprint(bucket)): "1"})
	eventually(d.t, 3*time.Minute, "the bucket has moved", func() error {
		encrypted = max(encrypted, d.sessions(true)["scalestack-reshard (postgres)"])
		require.Empty(d.t, d.inClear())
		var owner int
		d.onShards(func(ctx context.Context, shards []history.Shard) {
			require.NoError(d.t, shards[1].Conn.QueryRow(ctx, "SELECT count(*) FROM scalestack.ownership WHERE bucket = $1 AND state = 'owned'", bucket).Scan(&owner))
		})
		if owner == 0 {
			return fmt.Errorf("bucket %d is not at shard 1", bucket)
		}
		return nil
	})
	d.t.Logf("bucket %d moved within %s; the mover had up to %d encrypted sessions", bucket, time.Since(began).Round(time.Second), encrypted)
	d.readMap()
	// The mover drops its publications, slots and subscriptions at the end of the time for a way back.
	kubectl(d.t, "wait", "-n", d.namespace, "--for=condition=complete", "job", "-l", "app.kubernetes.io/name=shards-reshard", "--timeout=180s")
}

// expires waits for the alert on both shards, and for its end.
func (d *tlsDrill) expires() {
	d.t.Helper()
	by := d.shardsBy
	await := func(limit time.Duration, holds bool) {
		for _, shard := range d.shards.Shards {
			awaitAlert(d.t, limit, holds, d.namespace, "CertificateExpires", map[string]string{"shard": shard.Name})
		}
	}
	await(2*time.Minute, true)
	d.secret(by, by.Certificate, 90*24*time.Hour)
	await(4*time.Minute, false)
}

// clientsTrust looks at the authorities that the app's pods have mounted as a file.
func (d *tlsDrill) clientsTrust(mounted string, wanted []byte) error {
	return d.appsHave(mounted, func(content string) bool { return content == string(wanted) })
}
