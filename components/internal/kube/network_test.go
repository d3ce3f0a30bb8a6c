package kube

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/check"
)

var client = Peer{Pods: map[string]string{"app": "client"}}

func TestPolicyRefusesWhatItDoesNotList(t *testing.T) {
	spec := Policy{NoDNS: true}.Spec(map[string]string{"app": "db"})
	require.Equal(t, pulumi.ToStringArray([]string{"Ingress", "Egress"}), spec.PolicyTypes)
	require.Empty(t, spec.Ingress)
	require.Empty(t, spec.Egress)
}

func TestPolicyAllowsCallersOnItsPort(t *testing.T) {
	rules := Policy{Port: 5432, From: []Peer{client}}.ingress()
	require.Len(t, rules, 1)
	require.Empty(t, Policy{From: []Peer{client}}.ingress(), "no port, no callers")
}

func TestPolicyAllowsDNSAndTargets(t *testing.T) {
	rules := Policy{To: []Target{{Peer: client, Port: 6379}}}.egress()
	require.Len(t, rules, 2)
	require.Equal(t, DNS(), rules[0])
}

func TestPeerValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		target Target
		want   string
	}{
		"nobody":  {Target{Port: 1}, "to: names no pods, no namespaces and no cidr"},
		"both":    {Target{Peer: Peer{CIDR: "10.0.0.0/8", Pods: client.Pods}, Port: 1}, "to: has cidr 10.0.0.0/8 together with pods or namespaces"},
		"bad":     {Target{Peer: Peer{CIDR: "ten"}, Port: 1}, `to.cidr: "ten" is not an address range such as 203.0.113.0/24`},
		"port":    {Target{Peer: client, Port: 70000}, "to.port: 70000 is not between 1 and 65535"},
		"pods":    {Target{Peer: client, Port: 1}, ""},
		"outside": {Target{Peer: Peer{CIDR: "203.0.113.0/24"}, Port: 443}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var errs check.Errors
			tc.target.Validate(&errs, "to")
			requireErr(t, errs.Err(), tc.want)
		})
	}
}

func TestName(t *testing.T) {
	for value, want := range map[string]string{
		"email":    "",
		"":         "name: is required",
		"E-mail":   `name: "E-mail" is not a name of lower-case letters, digits and '-', with a letter or digit at both ends`,
		string61(): `name: "` + string61() + `" is longer than 58 characters`,
	} {
		var errs check.Errors
		Name(&errs, "name", value, "-long")
		requireErr(t, errs.Err(), want)
	}
}

func string61() string {
	name := make([]byte, 61)
	for i := range name {
		name[i] = 'a'
	}
	return string(name)
}

func requireErr(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		require.NoError(t, err)
		return
	}
	require.EqualError(t, err, want)
}
