package postgres

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/certtest"
)

// ask puts a question to a member's Patroni and tells the certificate that it shows. The client shows its own, if it has one.
func (m *member) ask(method, path, password string, own ...certtest.Pair) (code int, serial string, err error) {
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}
	config.RootCAs.AppendCertsFromPEM(m.cluster.authority.Certificate)
	for _, one := range own {
		pair, err := tls.X509KeyPair(one.Certificate, one.Key)
		require.NoError(m.t, err)
		// A client that only has those of the authorities that the server names would hide another's.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: config}}
	request, err := http.NewRequest(method, "https://"+m.rest+path, strings.NewReader("{}"))
	require.NoError(m.t, err)
	if password != "" {
		request.SetBasicAuth(restRole, password)
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	return answer.StatusCode, answer.TLS.PeerCertificates[0].SerialNumber.String(), nil
}

// requireVotes takes the primary away and waits for one of the others, who has to ask them all before.
func (c *cluster) requireVotes() (next *member) {
	c.t.Helper()
	former, before := c.settled(), c.votes()
	former.stop()
	require.Eventually(c.t, func() bool { next = c.leader(); return next != nil && next != former }, time.Minute, 200*time.Millisecond, "no failover")
	require.Greater(c.t, c.votes(), before)
	former.start()
	c.settled()
	return next
}

// votes counts the answers that candidates got.
func (c *cluster) votes() (sum int) {
	for _, m := range c.members {
		sum += strings.Count(m.log(), "Got quorum vote from")
	}
	return sum
}

func TestPatroniSpeaksTLS(t *testing.T) {
	c := newClusterOf(t, certtest.NewAuthority(t, "test"))
	c.start()
	first := c.settled()
	for _, m := range c.members {
		_, err := http.Get("http://" + m.rest + "/patroni")
		require.Error(t, err, "clear text")
		code, _, err := m.ask("GET", "/patroni", "")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, code)
		for _, password := range []string{"", "wrong"} {
			code, _, err := m.ask("POST", "/reload", password)
			require.NoError(t, err)
			require.Equal(t, http.StatusUnauthorized, code, "a change with password %q", password)
		}
	}
	require.NotEqual(t, first, c.requireVotes())

	// A renewed certificate is shown without a restart.
	for _, m := range c.members {
		_, former, err := m.ask("GET", "/patroni", "")
		require.NoError(t, err)
		m.secret(c.authority.Issue(time.Hour, "localhost", "127.0.0.1"), c.authority.Certificate)
		pods := m.pods()
		require.Eventually(t, func() bool {
			_, serial, err := m.ask("GET", "/patroni", "")
			return err == nil && serial != former
		}, 20*time.Second, 200*time.Millisecond, "%s shows the former certificate", m.pod())
		require.Equal(t, pods, m.pods())
	}
	c.requireVotes()
}

// While an upgrade goes on a primary may go away: those that have TLS to the REST API ask both kinds. It brings the members'
// role as well.
func TestPatroniGetsTLSMemberByMember(t *testing.T) {
	c := newClusterOf(t, certtest.NewAuthority(t, "test"))
	c.restInClear, c.oneRole = true, true
	c.configure(nil)
	c.start()
	leader := c.settled()
	c.restInClear, c.oneRole = false, false
	c.configure(nil)
	standbys := c.standbys(leader)
	standbys[0].replace()
	c.settled()
	c.requireVotes()
	for _, m := range c.members {
		if m != standbys[0] && m != leader {
			m.replace()
			c.settled()
		}
	}
	c.requireVotes()
	leader.replace()
	c.requireOwnRole()
}
