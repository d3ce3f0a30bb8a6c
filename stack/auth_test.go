package stack

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

func TestWhoMayCallMustBeSaid(t *testing.T) {
	const who = "scalestack:services.shop.auth: Required value: issuer and audience of the callers' tokens; or public: true, with which nobody is asked who they are"
	const issuer = `"auth":{"issuer":"https://login.example.com","audience":"shop"}`
	for name, test := range map[string]struct{ more, mistake string }{
		"others reach it":   {`"port":8080,"ingressFrom":[{"pods":{"app":"web"}}]`, who},
		"public: false":     {`"auth":{"public":false}`, "scalestack:services.shop.auth.issuer: Required value: the issuer of the callers' tokens; or public: true"},
		"no audience":       {`"auth":{"issuer":"https://login.example.com"},"egressTo":[{"cidr":"192.0.2.0/24","port":443}]`, "scalestack:services.shop.auth.audience: Required value: tokens for other services would be accepted without it"},
		"plain http":        {`"auth":{"issuer":"http://login.example.com","audience":"shop"}`, `scalestack:services.shop.auth.issuer: Invalid value: "http://login.example.com": must be an https address without a query, such as https://login.example.com`},
		"both":              {`"auth":{"public":true,"audience":"shop"}`, "scalestack:services.shop.auth.public: Invalid value: true: must not be combined with issuer or audience: nobody would ask for tokens"},
		"issuer not open":   {issuer + `,"egressTo":[{"cidr":"192.0.2.0/24","port":80}]`, "scalestack:services.shop.egressTo: Required value: a target with port 443: the service asks https://login.example.com for its keys"},
		"issuer, port":      {`"auth":{"issuer":"https://login.example.com:8443","audience":"shop"},"egressTo":[{"cidr":"192.0.2.0/24","port":443}]`, "scalestack:services.shop.egressTo: Required value: a target with port 8443: the service asks https://login.example.com:8443 for its keys"},
		"nobody reaches it": {`"port":8080`, ""},
		"public":            {`"port":8080,"ingressFrom":[{"pods":{"app":"web"}}],"auth":{"public":true}`, ""},
		"issuer":            {issuer + `,"egressTo":[{"cidr":"192.0.2.0/24","port":443}]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, oneService(test.more))
			if test.mistake == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, test.mistake)
		})
	}
}

func TestServicesLearnWhoMayCall(t *testing.T) {
	env := func(more string) variables {
		c, err := load(t, oneService(more))
		require.NoError(t, err)
		return c.serviceArgs(c.Services["shop"], wiredHere()).BaseEnv
	}
	public := env(`"auth":{"public":true}`)
	require.Equal(t, pulumi.String("true"), public["SCALESTACK_PUBLIC"])
	require.NotContains(t, public, "SCALESTACK_OIDC_ISSUER")
	asked := env(`"auth":{"issuer":"https://login.example.com","audience":"shop"},"egressTo":[{"cidr":"192.0.2.0/24","port":443}]`)
	require.Equal(t, pulumi.String("https://login.example.com"), asked["SCALESTACK_OIDC_ISSUER"])
	require.Equal(t, pulumi.String("shop"), asked["SCALESTACK_OIDC_AUDIENCE"])
	require.NotContains(t, asked, "SCALESTACK_PUBLIC")
	require.NotContains(t, env(`"port":8080`), "SCALESTACK_PUBLIC", "what nobody said is not handed on")
}
