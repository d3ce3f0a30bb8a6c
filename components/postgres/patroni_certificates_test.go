package postgres

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/certtest"
)

func withMemberCertificates(c *cluster) { c.memberCertificates = true }

// client is one with a certificate of an authority and nothing else in common with a member.
func client(by *certtest.Authority) certtest.Pair { return by.IssueForBoth(time.Hour, "client") }

// change asks a member's Patroni to read its settings again. 0 says that it has not even answered.
func (m *member) change(password string, own ...certtest.Pair) int {
	code, _, _ := m.ask("POST", "/reload", password, own...)
	return code
}

// requireChange waits until a change with this certificate has an answer. Patroni reads files some time after it was told.
func (c *cluster) requireChange(code int, own certtest.Pair) {
	c.t.Helper()
	for _, m := range c.members {
		require.Eventually(c.t, func() bool { return m.change("rest", own) == code }, 30*time.Second, 200*time.Millisecond,
			"%s does not answer %d", m.pod(), code)
	}
}

// give changes the Secret of every member to a new certificate, or to its former one, and to what it is to trust.
func (c *cluster) give(by *certtest.Authority, trusted ...*certtest.Authority) {
	c.t.Helper()
	var roots []byte
	for _, one := range trusted {
		roots = slices.Concat(roots, one.Certificate)
	}
	for _, m := range c.members {
		if by != nil {
			m.shown = m.issue(by)
		}
		m.secret(m.shown, roots)
	}
}

// patronictl runs it as in a member's container.
func (m *member) patronictl(args ...string) (string, error) {
	m.cluster.t.Helper()
	text, err := os.ReadFile("../../images/postgres/patronictl")
	require.NoError(m.t, err)
	m.write("patronictl.py", strings.ReplaceAll(string(text), `sys.path.append("/opt/patroni/lib")`,
		// What only shows differences has no wheel.
		`import os, types; sys.path.insert(0, os.environ["LIBRARY"]); sys.modules["ydiff"] = types.SimpleNamespace(markup_to_pager=None, PatchStream=None)`))
	cmd := m.process("python3", append([]string{"-I", m.at("patronictl.py")}, args...)...)
	cmd.Env = append(cmd.Env, "PATRONICTL_CONFIG_FILE="+m.at("patroni"))
	cmd.Stdout, cmd.Stderr = nil, nil
	output, err := cmd.CombinedOutput()
	return string(output), err
}

func TestPatroniWantsACertificateForChanges(t *testing.T) {
	authority := certtest.NewAuthority(t, "test")
	c := newClusterOf(t, authority, withMemberCertificates)
	c.start()
	leader := c.settled()
	own := client(authority)
	for _, m := range c.members {
		code, _, err := m.ask("GET", "/patroni", "")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, code, "the kubelet shows none")
		require.Equal(t, http.StatusForbidden, m.change("rest"), "the password without a certificate")
		require.Equal(t, http.StatusForbidden, m.change(""))
		require.Equal(t, http.StatusUnauthorized, m.change("", own), "a certificate without the password")
		require.Equal(t, http.StatusUnauthorized, m.change("wrong", own))
		require.Zero(t, m.change("rest", client(certtest.NewAuthority(t, "foreign"))), "another's certificate")
		require.Zero(t, m.change("rest", authority.Issue(time.Hour, "client")), "a server's certificate")
		require.Equal(t, http.StatusAccepted, m.change("rest", own))
	}

	next := c.members[(leader.index+1)%3]
	output, err := leader.patronictl("switchover", "--candidate", next.pod(), "--force")
	require.NoError(t, err, output)
	require.Contains(t, output, "Successfully switched over")
	require.Eventually(t, func() bool { return c.leader() == next }, time.Minute, 200*time.Millisecond)
	c.settled()
	c.requireVotes()

	// roles.sh restarts servers through the API.
	c.connections = 40
	c.configure(nil)
	for _, m := range c.members {
		m.replace()
		c.settled()
	}
	c.requireConnections(40)
}

// While the API server is away the primary asks all members, by changes, and stays.
func TestPatroniAsksMembersWithItsCertificate(t *testing.T) {
	c := newClusterOf(t, certtest.NewAuthority(t, "test"), withMemberCertificates)
	c.start()
	leader := c.settled()
	c.api.pause()
	time.Sleep((lockSeconds + 15) * time.Second)
	accepted := strings.Count(leader.log(), "/failsafe: Accepted")
	writable := leader.query("postgres", "admin-1", "SELECT (NOT pg_is_in_recovery())::text")
	c.api.resume()
	require.Equal(t, "true", writable, "the primary stays")
	require.GreaterOrEqual(t, accepted, 2)
	require.Equal(t, leader, c.settled())
}

func TestPatroniFollowsTheAuthority(t *testing.T) {
	former, next := certtest.NewAuthority(t, "former"), certtest.NewAuthority(t, "next")
	c := newClusterOf(t, former, withMemberCertificates)
	c.start()
	c.settled()
	old, renewed := client(former), client(next)

	// A renewed certificate is shown, to members by members too.
	for _, m := range c.members {
		_, before, err := m.ask("GET", "/patroni", "")
		require.NoError(t, err)
		m.secret(m.issue(former), former.Certificate)
		require.Eventually(t, func() bool {
			_, serial, err := m.ask("GET", "/patroni", "")
			return err == nil && serial != before
		}, 20*time.Second, 200*time.Millisecond)
	}
	c.requireVotes()

	// A new authority in three steps. The first and the last leave the certificate as it is.
	for _, m := range c.members {
		m.trust(former, next)
	}
	c.give(former, former)
	c.requireChange(http.StatusAccepted, old)
	c.requireChange(0, renewed)
	c.give(nil, former, next)
	c.requireChange(http.StatusAccepted, renewed)
	c.requireChange(http.StatusAccepted, old)
	c.requireVotes()
	c.give(next, former, next)
	c.authority = next
	c.requireChange(http.StatusAccepted, renewed)
	c.requireVotes()
	c.give(nil, next)
	c.requireChange(http.StatusAccepted, renewed)
	c.requireChange(0, old)
	c.requireVotes()

	// All at once is a short time in which no member trusts another, and heals by itself.
	c.give(former, former)
	c.authority = former
	c.requireChange(http.StatusAccepted, old)
	c.requireChange(0, renewed)
	c.requireVotes()
}

// A certificate that members could not show is refused, and they go on with theirs.
func TestPatroniRefusesACertificateForServersOnly(t *testing.T) {
	authority := certtest.NewAuthority(t, "test")
	c := newClusterOf(t, authority, withMemberCertificates)
	c.start()
	c.settled()
	for _, m := range c.members {
		m.secret(authority.Issue(time.Hour, "localhost", "127.0.0.1"), authority.Certificate)
		require.Eventually(t, func() bool {
			return strings.Contains(m.log(), "tls: the Secret is refused, so the server keeps the certificate that it has: tls.crt is for servers only")
		}, 20*time.Second, 200*time.Millisecond)
	}
	c.requireVotes()
}

// Members that want certificates and members that do not know of them elect each other, and one that reads its settings while it
// waits for its turn is already one of the new.
func TestPatroniGetsMemberCertificatesMemberByMember(t *testing.T) {
	authority := certtest.NewAuthority(t, "test")
	c := newClusterOf(t, authority)
	c.start()
	leader := c.settled()
	for _, m := range c.members {
		require.Equal(t, http.StatusAccepted, m.change("rest"), "the password is enough")
		m.secret(authority.IssueForBoth(time.Hour, "localhost", "127.0.0.1"), authority.Certificate)
	}
	c.memberCertificates = true
	c.configure(nil)
	next := c.members[(leader.index+1)%3]
	next.replace()
	c.settled()
	require.Equal(t, http.StatusForbidden, next.change("rest"))
	// The primary is the last of the old ones that is asked to go: here it goes before, and comes back as one of the new.
	c.requireVotes()
	last := c.members[(leader.index+2)%3]
	last.secret(authority.IssueForBoth(time.Hour, "localhost", "127.0.0.1"), authority.Certificate)
	require.Eventually(t, func() bool { return last.change("rest") == http.StatusForbidden }, 30*time.Second, 200*time.Millisecond)
	require.Equal(t, http.StatusAccepted, last.change("rest", client(authority)))
	c.requireVotes()
	last.replace()
	c.settled()
	c.requireVotes()
}
