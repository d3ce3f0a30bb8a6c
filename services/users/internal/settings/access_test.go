package settings

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThatNobodyIsAskedMustBeSaid(t *testing.T) {
	const required = "SCALESTACK_OIDC_ISSUER: is required, or SCALESTACK_PUBLIC=true to let everybody read, change and delete every user"
	const issuer = "https://login.example.com/realms/shop"
	for name, test := range map[string]struct {
		set     map[string]string
		mistake string
	}{
		"nothing":       {nil, required},
		"public: false": {map[string]string{"SCALESTACK_PUBLIC": "false"}, required},
		"public: yes":   {map[string]string{"SCALESTACK_PUBLIC": "yes"}, `SCALESTACK_PUBLIC: "yes" is not true or false`},
		"audience only": {map[string]string{"SCALESTACK_OIDC_AUDIENCE": "users"}, required},
		"no audience": {map[string]string{"SCALESTACK_OIDC_ISSUER": issuer},
			"SCALESTACK_OIDC_AUDIENCE: is required with SCALESTACK_OIDC_ISSUER: tokens for other services would be accepted"},
		"both": {map[string]string{"SCALESTACK_OIDC_ISSUER": issuer, "SCALESTACK_OIDC_AUDIENCE": "users", "SCALESTACK_PUBLIC": "true"},
			"SCALESTACK_PUBLIC: true excludes SCALESTACK_OIDC_ISSUER (" + issuer + "): nobody would ask for tokens"},
		"header": {map[string]string{"SCALESTACK_PUBLIC": "true", "SCALESTACK_ADDRESS_HEADER": "X Real"},
			`SCALESTACK_ADDRESS_HEADER: "X Real" is not the name of a header`},
		"public": {map[string]string{"SCALESTACK_PUBLIC": "true"}, ""},
		"issuer": {map[string]string{"SCALESTACK_OIDC_ISSUER": issuer, "SCALESTACK_OIDC_AUDIENCE": "users"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ServeCommand.Load(environment(test.set))
			if test.mistake == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, test.mistake)
		})
	}
}

func TestIssuersThatCanBeTrusted(t *testing.T) {
	for issuer, good := range map[string]bool{
		"https://login.example.com": true, "https://login.example.com/a/": true, "http://127.0.0.1:8080": true, "http://[::1]:8080": true,
		"http://login.example.com": false, "http://localhost:8080": false, "login.example.com": false, "https://": false, "ftp://127.0.0.1": false,
		"https://a:b@login.example.com": false, "https://login.example.com?a=b": false, "https://login.example.com#a": false, "http://10.0.0.1": false,
	} {
		require.Equal(t, good, isIssuer(issuer), issuer)
	}
}
