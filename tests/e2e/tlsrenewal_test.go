//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/certtest"
	"github.com/scalestack/scalestack/sharding/history"
)

// renewalPatience is longer than a kubelet takes for a changed Secret.
const renewalPatience = 4 * time.Minute

// renewal is one Secret with its servers and clients.
type renewal struct {
	by *certtest.Authority
	// write replaces the certificate and the authorities.
	write func(by *certtest.Authority, trusted []byte)
	// shown are the serial numbers that the servers show to a client that trusts these authorities.
	shown func(trusted []byte) map[string]string
	// mounted is where the service's pods find the authorities.
	mounted string
	// used requires that the service connects with the authorities that are mounted now.
	used func()
}

func (d *tlsDrill) ofShards() renewal {
	return renewal{d.shardsBy, func(by *certtest.Authority, trusted []byte) { d.secret(by, trusted, certificateHolds) }, d.shownByShards,
		"/etc/scalestack/shards-ca/ca.crt", d.reconnect}
}

func (d *tlsDrill) ofCache() renewal {
	write := func(by *certtest.Authority, trusted []byte) {
		d.write(cacheSecretName, by.Issue(certificateHolds, cacheName), trusted)
	}
	shown := func(trusted []byte) map[string]string { return map[string]string{"redis": d.shownByCache(trusted)} }
	return renewal{d.cacheBy, write, shown, cacheFile, func() { d.awaitHits("after a renewal", mostOf) }}
}

// rotate replaces the shards' certificate, and then its authority.
func (d *tlsDrill) rotate() { d.renew(d.ofShards()) }

// renewAll replaces the certificates of PostgreSQL and Patroni's API on every member and of the cache at the same moment.
func (d *tlsDrill) renewAll() { d.renew(d.ofShards(), d.ofCache()) }

// renew replaces certificates, and then their authorities in three steps.
func (d *tlsDrill) renew(all ...renewal) {
	d.t.Helper()
	next := certtest.NewAuthority(d.t, "next")
	former := func(one renewal) []byte { return one.by.Certificate }
	both := func(one renewal) []byte { return slices.Concat(one.by.Certificate, next.Certificate) }
	coming := func(renewal) []byte { return next.Certificate }
	signedByFormer := func(one renewal) *certtest.Authority { return one.by }
	signedByNext := func(renewal) *certtest.Authority { return next }

	shardsCA = pool(both(all[0]))
	for _, step := range []struct {
		what    string
		by      func(renewal) *certtest.Authority
		trusted func(renewal) []byte
	}{
		{"a new certificate", signedByFormer, former},
		{"clients trust both authorities", signedByFormer, both},
		{"a certificate of the new authority", signedByNext, both},
		{"clients trust the new authority alone", signedByNext, coming},
	} {
		before := make([]map[string]string, len(all))
		for i, one := range all {
			before[i] = one.shown(both(one))
			require.NotContains(d.t, slices.Collect(maps.Values(before[i])), "", "%v", before[i])
		}
		began, shown := time.Now(), 0
		for _, one := range all {
			one.write(step.by(one), step.trusted(one))
		}
		eventually(d.t, renewalPatience, step.what, func() error {
			shown = 0
			for i, one := range all {
				now := one.shown(step.trusted(one))
				for _, server := range slices.Sorted(maps.Keys(before[i])) {
					if now[server] == "" || now[server] == before[i][server] {
						return fmt.Errorf("%s shows %q, before: %q", server, now[server], before[i][server])
					}
				}
				shown += len(now)
				if err := d.clientsTrust(one.mounted, step.trusted(one)); err != nil {
					return err
				}
			}
			return nil
		})
		d.t.Logf("%s: %d servers and every client have it after %s", step.what, shown, time.Since(began).Round(time.Second))
		for _, one := range all {
			one.used()
		}
	}
	shardsCA = pool(next.Certificate)
	require.Empty(d.t, d.inClear())
}

// shownByShards asks PostgreSQL on every member, and Patroni's API where there are several.
func (d *tlsDrill) shownByShards(trusted []byte) map[string]string {
	d.t.Helper()
	found := map[string]string{}
	for _, shard := range d.shards.Shards {
		config := databaseConfig(d.t, d.namespace, shard.ID)
		config.TLSConfig.RootCAs = pool(trusted)
		for name, address := range d.members(shard.Name) {
			config.Host = address
			found[name] = shownByServer(d.t.Context(), config)
			if d.several() {
				found[name+", Patroni"] = shownAt(net.JoinHostPort(address, "8008"), config.TLSConfig)
			}
		}
	}
	return found
}

// members are the addresses of a shard's pods, by name.
func (d *tlsDrill) members(shard string) map[string]string {
	d.t.Helper()
	found := map[string]string{}
	lines := kubectl(d.t, "get", "pods", "-n", d.namespace, "-l", "app.kubernetes.io/name=postgres,app.kubernetes.io/instance=postgres-"+shard,
		"-o", `jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{"\n"}{end}`)
	for line := range strings.Lines(lines) {
		name, address, _ := strings.Cut(strings.TrimSpace(line), " ")
		found[name] = address
	}
	return found
}

func (d *tlsDrill) several() bool { return len(d.members(d.shards.Shards[0].Name)) > 1 }

// shownByServer is the serial number of PostgreSQL's certificate, "" if it cannot be verified.
func shownByServer(ctx context.Context, config *pgx.ConnConfig) string {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return ""
	}
	defer conn.Close(ctx)
	return serialNumber(conn.PgConn().Conn().(*tls.Conn))
}

// shownAt is the same of a server that begins with TLS.
func shownAt(address string, config *tls.Config) string {
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return ""
	}
	defer conn.Close()
	return serialNumber(conn)
}

func serialNumber(conn *tls.Conn) string {
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// reconnect ends idle sessions of the services, and waits until each shard has new ones.
func (d *tlsDrill) reconnect() {
	d.t.Helper()
	began := time.Now()
	d.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'svc\_%' AND state = 'idle'`)
	eventually(d.t, time.Minute, "the service connects anew", func() error {
		var err error
		d.onShards(func(ctx context.Context, shards []history.Shard) {
			for _, shard := range shards {
				var count int
				require.NoError(d.t, shard.Conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'svc\_%' AND backend_start > $1`, began).Scan(&count))
				if count == 0 {
					err = fmt.Errorf("shard %d has no new session", shard.ID)
				}
			}
		})
		return err
	})
}
