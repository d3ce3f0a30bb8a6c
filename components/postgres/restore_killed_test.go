package postgres

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// killer stands between a member's prepare.py and the API server. It kills the member before each of its writes and, when
// the member comes with it again, after it.
type killer struct {
	*httptest.Server
	m      *member
	mu     sync.Mutex
	visits map[string]int
}

func newKiller(m *member) *killer {
	k := &killer{m: m, visits: map[string]int{}}
	pair, err := tls.X509KeyPair(m.cluster.api.pair.Certificate, m.cluster.api.pair.Key)
	require.NoError(m.t, err)
	k.Server = httptest.NewUnstartedServer(k)
	k.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	k.StartTLS()
	m.t.Cleanup(k.Close)
	m.host = k.Listener.Addr().String()
	return k
}

func (k *killer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	visit := 0
	if r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "endpointslices") {
		k.mu.Lock()
		key := r.Method + " " + r.URL.Path + " " + string(body)
		k.visits[key]++
		visit = k.visits[key]
		k.mu.Unlock()
	}
	if visit == 1 {
		k.m.killAll()
		return
	}
	forward, err := http.NewRequest(r.Method, "https://"+k.m.cluster.api.address+r.URL.String(), bytes.NewReader(body))
	if err != nil {
		return
	}
	forward.Header = r.Header
	answer, err := k.m.cluster.api.client.Do(forward)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	if visit == 2 {
		k.m.killAll()
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

// writes are those that the member was killed at.
func (k *killer) writes() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.visits)
}

// killedAtRandom replaces programs of the restore by ones that kill the whole of it two times in five.
func (m *member) killedAtRandom() {
	for program, when := range map[string]string{"sync": "*", "postgres": "*restoring*"} {
		m.write("killers/"+program, fmt.Sprintf("#!/bin/sh\ncase \"$*\" in %s) [ $(($(od -An -N1 -tu1 /dev/urandom) %% 5)) -gt 1 ] || { echo %s >> %s/calls; kill -KILL 0; } ;; esac\nPATH=%s exec %s \"$@\"\n",
			when, program, m.folder, m.path, program))
		require.NoError(m.t, os.Chmod(m.at("killers/"+program), 0o755))
	}
	m.write("calls", "")
	require.NoError(m.t, os.Chmod(m.at("calls"), 0o666))
	m.path = m.at("killers") + ":" + m.path
}

// Killed at any point, the first member and the others, the restore is made once and whole.
func TestARestoreOfMembersConvergesWhenKilled(t *testing.T) {
	c, moment, rows := archivedCluster(t)
	first := c.members[0]
	first.stop()
	k := newKiller(first)
	first.killedAtRandom()
	first.env = first.environment()
	c.configure(&Restore{Name: "friday", To: moment})
	first.start()

	done := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Duration(500+rand.IntN(3000)) * time.Millisecond):
				c.members[1+rand.IntN(2)].killAll()
			}
		}
	})
	// Its log does not say so: it is killed when it has written it.
	require.Eventually(t, func() bool {
		return strings.Contains(c.api.annotation("postgres-shard-0-config", "scalestack/restore"), `"state": "made"`)
	}, 5*time.Minute, 300*time.Millisecond, "the restore does not converge")
	close(done)
	others.Wait()
	c.requireRestored("friday", rows)
	for _, m := range c.members {
		m.requireKept("friday")
	}
	text, err := os.ReadFile(first.at("calls"))
	require.NoError(t, err)
	t.Logf("killed before and after %d writes to the API server, and at %s", k.writes(), strings.Join(strings.Fields(string(text)), " "))
	require.GreaterOrEqual(t, k.writes(), 8)
}
