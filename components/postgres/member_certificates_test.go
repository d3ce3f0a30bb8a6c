package postgres

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/sharding/certtest"
)

// memberArgs are those of a shard with three members and TLS.
func memberArgs(wanted bool) *Args {
	args := &Args{Shards: []int{0}, TLS: &TLS{TLS: k8s.TLS{Secret: "shards-tls"}, MemberCertificates: wanted}}
	threeMembers(args)
	return args
}

func TestMemberCertificatesNeedMembers(t *testing.T) {
	args := &Args{Shards: []int{0}, TLS: &TLS{TLS: k8s.TLS{Secret: "a"}, MemberCertificates: true}}
	require.EqualError(t, args.Validate(),
		"tls.memberCertificates: Invalid value: true: must be false with members 1: a single server has no Patroni that could be changed")
	require.NoError(t, memberArgs(true).Validate())
	require.False(t, memberArgs(false).withDefaults().TLS.MemberCertificates, "off")
	require.False(t, (&Args{}).withDefaults().memberCertificates(), "without TLS")
}

// memberTemplate is the text of a member's pod template.
func memberTemplate(t *testing.T, args *Args) string {
	t.Helper()
	value, ok := kubetest.Value(run(t, args).Get(t, "StatefulSet", "postgres-shard-0-m1"), "spec.template")
	require.True(t, ok)
	text, err := json.Marshal(value.Mappable())
	require.NoError(t, err)
	return string(text)
}

func TestPatroniIsToldToWantCertificates(t *testing.T) {
	settings := func(wanted bool) (rest, ctl object) {
		config := patroniConfig(plan{Args: memberArgs(wanted).withDefaults(), component: "postgres"})
		return config["restapi"].(object), config["ctl"].(object)
	}
	rest, ctl := settings(true)
	require.Equal(t, "optional", rest["verify_client"], "the kubelet has none for its probes")
	require.Equal(t, AuthorityPath, rest["cafile"])
	require.Equal(t, object{"cacert": AuthorityPath, "certfile": rest["certfile"], "keyfile": rest["keyfile"]}, ctl)
	require.Contains(t, memberTemplate(t, memberArgs(true)), `"patroni","/tmp/patroni"]`)
	require.Equal(t, 2, strings.Count(memberTemplate(t, memberArgs(true)), `{"name":"TRUST","value":"/tmp/patroni"}`))

	rest, ctl = settings(false)
	require.NotContains(t, rest, "verify_client")
	require.Equal(t, object{"cacert": AuthorityPath}, ctl)
	require.NotContains(t, memberTemplate(t, memberArgs(false)), "TRUST")
	require.Contains(t, memberTemplate(t, memberArgs(false)), `"patroni","/etc/patroni"]`)
}

// The sum is that of the release before member certificates.
func TestWithoutMemberCertificatesNothingChanges(t *testing.T) {
	off := memberArgs(false)
	require.Equal(t, "29e7018b1b3aeff3207a007221f589a78842220fbdea8134d2cb85b9cbab8e88", kube.Sum(tlsScript(off)), "a Job for each shard runs once more")
	require.NotContains(t, tlsPrepare(off), "tls_members")
}

func TestACertificateOfMembersIsForClientsToo(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		args := memberArgs(wanted)
		args.TLS.TLS = k8s.TLS{Issuer: &k8s.Issuer{Name: "internal"}}
		usages, ok := kubetest.Value(named(t, run(t, args), "postgres-certificate"), "spec.usages")
		require.True(t, ok)
		require.Equal(t, wanted, strings.Contains(usages.String(), "client auth"))
		require.Contains(t, usages.String(), "server auth")
	}
}

// fault is what tls.sh says of a Secret.
func fault(t *testing.T, wanted bool, pair certtest.Pair, trusted []byte) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("needs openssl")
	}
	s := &shard{t: t, folder: t.TempDir()}
	s.write("tls.sh", tlsScript(memberArgs(wanted).withDefaults()))
	s.secret(pair, trusted)
	cmd := exec.Command("sh", "-c", `. ./tls.sh; tls_fault secret`)
	cmd.Dir = s.folder
	cmd.Env = []string{"PATH=/usr/bin:/bin", "TLS_SOURCE=secret", "TLS_FOLDER=tls", "TLS_CONFIG=.", "TLS_NAMES=localhost"}
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
	return strings.TrimSpace(string(output))
}

func TestACertificateForServersOnlyIsRefused(t *testing.T) {
	authority := certtest.NewAuthority(t, "test")
	servers, both := authority.Issue(time.Hour, "localhost"), authority.IssueForBoth(time.Hour, "localhost")
	require.Empty(t, fault(t, false, servers, authority.Certificate), "right for a server")
	require.Empty(t, fault(t, false, both, authority.Certificate))
	require.Empty(t, fault(t, true, both, authority.Certificate))
	const refused = "tls.crt is for servers only, and with postgres.tls.memberCertificates it has to be for clients too (extended key usage clientAuth)"
	require.Equal(t, refused, fault(t, true, servers, authority.Certificate))
	// Whatever else is wrong is said as ever.
	require.Equal(t, "ca.crt is empty or absent", fault(t, true, both, nil))
	require.Equal(t, "tls.key does not belong to tls.crt", fault(t, true, certtest.Pair{Certificate: both.Certificate, Key: servers.Key}, authority.Certificate))
	require.Equal(t, "clients would refuse tls.crt as localhost: certificate has expired",
		fault(t, true, authority.IssueForBoth(-time.Hour, "localhost"), authority.Certificate))
	require.Contains(t, fault(t, true, both, certtest.NewAuthority(t, "other").Certificate), "clients would refuse tls.crt as localhost: ")
}
