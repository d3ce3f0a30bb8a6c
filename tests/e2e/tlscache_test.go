//go:build e2e

package e2e

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/certtest"
)

const (
	cacheSecretName = "cache-tls"
	cacheFile       = "/etc/scalestack/redis-ca/ca.crt"
	cacheName       = "redis." + tlsName + ".svc.cluster.local"
)

// cache gives Redis TLS under load, renews its certificate, and shows it and its clients Secrets that they must not take.
func (d *tlsDrill) cache() {
	d.t.Helper()
	by, strange := d.cacheBy, certtest.NewAuthority(d.t, "strange")
	good := func() { d.write(cacheSecretName, by.Issue(certificateHolds, cacheName), by.Certificate) }
	good()
	d.deploy("redis: offer", "redis", map[string]string{"tls.secret": cacheSecretName, "tls.mode": "offer"})
	d.awaitHits("with TLS beside clear text", mostOf)
	require.NoError(d.t, d.clearText())
	d.deploy("redis: require", "redis", map[string]string{"tls.mode": "require"})
	d.awaitHits("with TLS alone", mostOf)
	require.Error(d.t, d.clearText(), "clear text is refused")
	eventually(d.t, time.Minute, "the exporter reaches Redis", func() error {
		if !strings.Contains(d.get("http://"+d.podAddress("redis-exporter")+":9121/metrics"), "\nredis_up 1\n") {
			return errors.New("no redis_up 1")
		}
		return nil
	})

	pod, serial := d.cachePod(), d.shownByCache(by.Certificate)
	good()
	began := time.Now()
	eventually(d.t, renewalPatience, "the renewed certificate", func() error {
		if now := d.shownByCache(by.Certificate); now == serial || now == "" {
			return fmt.Errorf("Redis shows %q", now)
		}
		return nil
	})
	d.t.Logf("redis: the renewed certificate is shown after %s", time.Since(began).Round(time.Second))
	serial = d.shownByCache(by.Certificate)

	// A name that is not the server's: the server keeps what it has, and so does everybody else.
	d.write(cacheSecretName, by.Issue(certificateHolds, "elsewhere."+tlsName+".svc.cluster.local"), by.Certificate)
	d.awaitRefusal("it does not have the name " + cacheName)
	require.Equal(d.t, serial, d.shownByCache(by.Certificate))
	d.awaitHits("with a broken Secret", mostOf)

	d.distrust(strange.Certificate, good)
	require.Equal(d.t, pod, d.cachePod(), "the same pod through all of it")
}

// distrust shows clients an authority that did not sign what the server has: they trust it as soon as it is in the Secret, and have no
// cache. Pods get a Secret at different times, and until all have the cure, one that has the cache may read what one that has none
// could not invalidate (docs/tls.md). So nobody writes meanwhile.
func (d *tlsDrill) distrust(strange []byte, cure func()) {
	d.t.Helper()
	d.clients.HoldWrites()
	defer d.clients.AllowWrites()
	d.write(cacheSecretName, d.cacheBy.Issue(certificateHolds, cacheName), strange)
	eventually(d.t, renewalPatience, "the service's pods have the other authority", func() error { return d.clientsTrust(cacheFile, strange) })
	// Connections that are open go on, so that new pods show it.
	kubectl(d.t, "rollout", "restart", "deployment/app", "-n", d.namespace)
	kubectl(d.t, "rollout", "status", "deployment/app", "-n", d.namespace, "--timeout=180s")
	eventually(d.t, renewalPatience, "no cache without a verified one", func() error {
		if found := d.lookups(lookedUp); found["hit"] > 0 {
			return fmt.Errorf("lookups: %v", found)
		}
		return nil
	})
	cure()
	// Every pod of the service has the cache again.
	d.awaitHits("after the cure", lookedUp)
}

// cachePod is the pod and how often its containers have restarted.
func (d *tlsDrill) cachePod() string {
	d.t.Helper()
	return kubectl(d.t, "get", "pods", "-n", d.namespace, "-l", "app.kubernetes.io/name=redis",
		"-o", "jsonpath={.items[*].metadata.name} {.items[*].status.containerStatuses[*].restartCount}")
}

// clearText says PING without TLS, as the default user may.
func (d *tlsDrill) clearText() error {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(d.podAddress("redis"), "6379"), 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer := make([]byte, 7)
	_, err = conn.Read(answer)
	if err == nil && string(answer) != "+PONG\r\n" {
		err = fmt.Errorf("answer %q", answer)
	}
	return err
}

// shownByCache is the serial number of the certificate that Redis shows, "" if it is not to be verified.
func (d *tlsDrill) shownByCache(trusted []byte) string {
	return shownAt(net.JoinHostPort(d.podAddress("redis"), "6380"), &tls.Config{RootCAs: pool(trusted), ServerName: cacheName})
}

func (d *tlsDrill) awaitRefusal(reason string) {
	d.t.Helper()
	eventually(d.t, renewalPatience, "a line in the log", func() error {
		log := kubectl(d.t, "logs", "deployment/redis", "-n", d.namespace, "-c", "tls")
		if !strings.Contains(log, "tls: the Secret is refused, so the server keeps the certificate that it has") || !strings.Contains(log, reason) {
			return fmt.Errorf("the log has no %q: %s", reason, log)
		}
		return nil
	})
}

// lookups reads one user so often, and counts what the service says of the cache. No read may fail.
func (d *tlsDrill) lookups(reads int) map[string]int {
	d.t.Helper()
	found, target := map[string]int{}, d.target()
	for range reads {
		response, err := target.HTTP.Get(fmt.Sprintf("%s/users/%d", target.Base, d.population.First))
		require.NoError(d.t, err)
		require.NoError(d.t, response.Body.Close())
		require.Less(d.t, response.StatusCode, http.StatusInternalServerError)
		found[response.Header.Get("X-Cache")]++
	}
	return found
}

const (
	lookedUp = 20
	// mostOf them are hits while others write to the user.
	mostOf = lookedUp / 2
)

// awaitHits waits until so many of lookedUp reads of a user are from the cache.
func (d *tlsDrill) awaitHits(when string, least int) {
	d.t.Helper()
	eventually(d.t, renewalPatience, "hits "+when, func() error {
		if found := d.lookups(lookedUp); found["hit"] < least {
			return fmt.Errorf("lookups: %v", found)
		}
		return nil
	})
	d.t.Logf("redis: the service has hits %s", when)
}
