package access

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func valid() Service {
	return Service{Name: "users", Password: "secret", Connections: 8, StatementTimeout: 60, IdleTransactionTimeout: 60}
}

func TestLoginsAlternate(t *testing.T) {
	require.Equal(t, "svc_order-api", Role("order-api"))
	require.Equal(t, []string{"svc_x_a", "svc_x_b", "svc_x_a"}, []string{Login("x", 0), Login("x", 1), Login("x", 2)})
	require.Len(t, Login(strings.Repeat("x", longestName), 1), 63)
}

func TestWhatIsEncodedIsDecoded(t *testing.T) {
	want := &Spec{Rotation: 3, Services: []Service{valid()}, Former: []string{"app"}}
	content, err := want.Encode()
	require.NoError(t, err)
	have, err := Decode(content)
	require.NoError(t, err)
	require.Equal(t, want, have)
}

func TestDecodeReportsEveryMistake(t *testing.T) {
	_, err := Decode([]byte(`{"rotation": -1, "services": [
		{"name": "Users", "connections": 0, "statementTimeout": 1, "idleTransactionTimeout": 1, "password": "secret", "read": ["pg_catalog.pg_authid"]},
		{"name": "a", "connections": 1, "statementTimeout": 1, "idleTransactionTimeout": 1, "password": ""},
		{"name": "a", "connections": 1, "statementTimeout": 1, "idleTransactionTimeout": 1, "password": "secret", "write": ["Orders"]}]}`))
	require.Equal(t, []string{
		`roles: rotation: -1 is negative`,
		`roles: services[0].name: "Users" is not a DNS label of up to 57 characters`,
		`roles: services[0].connections: 0 is less than 1`,
		`roles: services[0].read[0]: "pg_catalog.pg_authid" is in a schema of the system: every service may read what it needs there`,
		`roles: services[1].password: is empty`,
		`roles: services[2].write[0]: "Orders" is not name, schema.name or schema.* in lower-case letters, digits and _`,
		`roles: services[2].name: "a" is listed twice`,
	}, strings.Split(err.Error(), "\n"))
	require.NotContains(t, err.Error(), "secret")
	for _, content := range []string{"", "[]", `{"unknown": 1}`, `{} {}`} {
		_, err := Decode([]byte(content))
		require.ErrorContains(t, err, "roles: ", content)
	}
}

func TestObjects(t *testing.T) {
	for text, want := range map[string]Object{
		"orders": {"public", "orders"}, "shop.orders": {"shop", "orders"}, "shop.*": {"shop", ""}, "*": {"public", ""},
	} {
		have, err := ParseObject(text)
		require.NoError(t, err)
		require.Equal(t, want, have)
	}
	for _, text := range []string{"", ".", "a.", ".a", "a.b.c", "a b", `"a"`, "a;b", "scalestack.move", "information_schema.tables", "f()", "pg_toast.*", strings.Repeat("a", 64)} {
		_, err := ParseObject(text)
		require.Error(t, err, text)
	}
}

func TestEachGrantIsListedOnce(t *testing.T) {
	s := valid()
	s.Read, s.Write, s.Execute = []string{"a", "public.a"}, []string{"a", "shop.*"}, []string{"f"}
	grants, err := s.Grants()
	require.NoError(t, err)
	require.Equal(t, []Grant{{Object{"public", "a"}, Read}, {Object{"public", "a"}, Write}, {Object{"shop", ""}, Write}, {Object{"public", "f"}, Execute}}, grants)
}

func TestVerifiersAreSalted(t *testing.T) {
	a, err := Verifier("secret")
	require.NoError(t, err)
	b, err := Verifier("secret")
	require.NoError(t, err)
	require.NotEqual(t, a, b)
	require.Regexp(t, `^SCRAM-SHA-256\$4096:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$`, a)
}

func TestTheDigestHoldsNoPassword(t *testing.T) {
	digest := func(change func(*Spec)) string {
		spec := Spec{Services: []Service{valid()}, Former: []string{"app"}}
		change(&spec)
		text, err := spec.Digest()
		require.NoError(t, err)
		return text
	}
	same := digest(func(*Spec) {})
	require.Equal(t, same, digest(func(s *Spec) { s.Services[0].Password = "another" }))
	for _, change := range []func(*Spec){
		func(s *Spec) { s.Rotation++ }, func(s *Spec) { s.Former = nil },
		func(s *Spec) { s.Services[0].Name = "orders" }, func(s *Spec) { s.Services[0].Read = []string{"orders"} },
	} {
		require.NotEqual(t, same, digest(change))
	}
}
