package stack

import (
	"maps"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/cluster/clustertest"
)

const mounted = `"mounts":[{"name":"mail","path":"/mail","secret":"mail-login"}]`

// loadSecret loads a configuration with the setting secrets, encrypted.
func loadSecret(config map[string]string, secrets string) (*Config, error) {
	all := maps.Clone(config)
	all["scalestack:secrets"] = secrets
	return Load(pulumi.RunInfo{Stack: labStack, Config: all, ConfigSecretKeys: []string{"scalestack:secrets"}})
}

func TestASecretThatNobodyMakesIsNamed(t *testing.T) {
	const mistake = `scalestack:services.shop.mounts[0].secret: Invalid value: "mail-login": is made by nobody. Fix: pulumi config set --secret --path ` +
		`'scalestack:secrets.mail-login.<key>', or list it in externalSecrets if something else makes it`
	_, err := load(t, oneService(mounted))
	require.EqualError(t, err, mistake)
	_, err = loadSecret(oneService(mounted), `{"mail":{"password":"hush"}}`)
	require.EqualError(t, err, mistake)
	_, err = load(t, oneService(`"mounts":[{"name":"mail","path":"/mail","secrets":[{"secret":"mail-login","files":{"a":"b"}}]}]`))
	require.ErrorContains(t, err, `services.shop.mounts[0].secrets[0].secret: Invalid value: "mail-login": is made by nobody`)
	_, err = load(t, oneService(`"migration":{"args":["m"],`+mounted+`}`))
	require.ErrorContains(t, err, `services.shop.migration.mounts[0].secret: Invalid value: "mail-login": is made by nobody`)
	_, err = load(t, map[string]string{"scalestack:kubernetes": `{"pullSecret":"registry"}`})
	require.ErrorContains(t, err, `kubernetes.pullSecret: Invalid value: "registry": is made by nobody. Fix: pulumi config set --secret --path 'scalestack:secrets.registry[".dockerconfigjson"]'`)

	_, err = loadSecret(oneService(mounted), `{"mail-login":{"password":"hush"}}`)
	require.NoError(t, err)
	external := oneService(mounted)
	external["scalestack:externalSecrets"] = `["mail-login"]`
	_, err = load(t, external)
	require.NoError(t, err)
	_, err = loadSecret(external, `{"mail-login":{"password":"hush"}}`)
	require.EqualError(t, err, `scalestack:externalSecrets: Duplicate value: "mail-login"`)
}

func TestASecretHasOneMaker(t *testing.T) {
	const taken = `is the name of a Secret that the stack makes itself`
	_, err := loadSecret(map[string]string{"scalestack:redis": `{"tls":{"issuer":{"name":"ca"}}}`}, `{"redis-tls":{"k":"hush"}}`)
	require.ErrorContains(t, err, `scalestack:secrets.redis-tls: Invalid value: "redis-tls": `+taken)
	_, err = loadSecret(map[string]string{"scalestack:redis": `{"nodes":3,"tls":{"issuer":{"name":"ca"}}}`}, `{"redis-2-tls":{"k":"hush"}}`)
	require.ErrorContains(t, err, `scalestack:secrets.redis-2-tls: Invalid value: "redis-2-tls": `+taken)
	_, err = loadSecret(map[string]string{"scalestack:postgres": `{"tls":{"issuer":{"name":"ca"}}}`}, `{"postgres-tls":{"k":"hush"}}`)
	require.ErrorContains(t, err, `scalestack:secrets.postgres-tls: Invalid value: "postgres-tls": `+taken)
	_, err = loadSecret(routed(openWeb, `"own":{"class":"envoy","issuer":"letsencrypt"}`), `{"gateway-tls":{"k":"hush"}}`)
	require.ErrorContains(t, err, `scalestack:secrets.gateway-tls: Invalid value: "gateway-tls": `+taken)
	kafka := map[string]string{"scalestack:kafka": `{"topics":[{"name":"orders"}],"users":[{"name":"billing","produce":["orders"]}]}`}
	_, err = loadSecret(kafka, `{"kafka-user-billing":{"k":"hush"}}`)
	require.ErrorContains(t, err, `scalestack:secrets.kafka-user-billing: Invalid value: "kafka-user-billing": `+taken)
	_, err = loadSecret(kafka, `{"billing":{"k":"hush"}}`)
	require.NoError(t, err, "the user's Secret has another name")
}

func TestMistakesInSecretsShowNoValue(t *testing.T) {
	for name, test := range map[string]struct{ secrets, mistake string }{
		"text":     {`hush`, "scalestack:secrets: Forbidden: must be an object of objects"},
		"list":     {`["hush"]`, "scalestack:secrets: Forbidden: must be an object of objects"},
		"flat":     {`{"mail":"hush"}`, "scalestack:secrets.mail: Forbidden: must be an object with a value by key"},
		"number":   {`{"mail":{"pin":4711}}`, "scalestack:secrets.mail.pin: Forbidden: must be a string that is not empty"},
		"nested":   {`{"mail":{"a":{"b":"hush"}}}`, "scalestack:secrets.mail.a: Forbidden: must be a string that is not empty"},
		"empty":    {`{"mail":{"a":""}}`, "scalestack:secrets.mail.a: Forbidden: must be a string that is not empty"},
		"no key":   {`{"mail":{}}`, "scalestack:secrets.mail: Required value: a value by its key"},
		"bad name": {`{"Mail":{"a":"hush"}}`, `scalestack:secrets.Mail: Invalid value: "Mail": must be lower-case letters`},
		"bad key":  {`{"mail":{"a b":"hush"}}`, `scalestack:secrets.mail: Invalid value: "a b": is not a key`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadSecret(map[string]string{}, test.secrets)
			require.ErrorContains(t, err, test.mistake)
			require.NotContains(t, err.Error(), "hush")
			require.NotContains(t, err.Error(), "4711")
			require.Len(t, strings.Split(err.Error(), "\n"), 1)
		})
	}
	_, err := load(t, map[string]string{"scalestack:secrets": `{}`})
	require.NoError(t, err, "the default of Pulumi.yaml")
	_, err = load(t, map[string]string{"scalestack:secrets": `{"mail":{"a":"hush"}}`})
	require.EqualError(t, err, "scalestack:secrets: Forbidden: is not encrypted. Fix: pulumi config set --secret --path 'scalestack:secrets.<name>.<key>'")
}

// A mount has the Secret's plain name: with an output of the Secret, a replacement of it
// would replace the Deployment too.
func TestServicesComeAfterTheirSecrets(t *testing.T) {
	const more = `"mounts":[{"name":"mail","path":"/mail","secret":"mail-login"},{"name":"other","path":"/other","secret":"made-elsewhere"}],` +
		`"migration":{"args":["m"],"mounts":[{"name":"a","path":"/a","secrets":[{"secret":"of-migration","files":{"k":"k"}}]}]},` +
		`"postRollout":{"args":["p"],"mounts":[{"name":"b","path":"/b","secret":"of-rollout"}]}`
	c, err := loadSecret(with(oneService(more), "externalSecrets", `["made-elsewhere"]`),
		`{"mail-login":{"k":"hush"},"of-migration":{"k":"hush"},"of-rollout":{"k":"hush"},"unused":{"k":"hush"}}`)
	require.NoError(t, err)
	w, prepared := wiredHere(), &pulumi.ResourceState{}
	w.prepared, w.secrets = []pulumi.Resource{prepared}, map[string]pulumi.Resource{}
	for name := range c.Secrets {
		w.secrets[name] = &pulumi.ResourceState{}
	}
	args := c.serviceArgs(c.Services["shop"], w)
	require.Len(t, args.After, 3)
	for i, name := range []string{"mail-login", "of-migration", "of-rollout"} {
		require.Same(t, w.secrets[name], args.After[i])
	}
	require.Equal(t, pulumi.String("mail-login"), args.Mounts[0].Secret)
}

// No pod starts that mounts a key which its Secret has not.
func TestAKeyThatASecretDoesNotHaveIsNamed(t *testing.T) {
	const files = `"mounts":[{"name":"mail","path":"/mail","secrets":[{"secret":"own","files":{"password":"password"}}]}]`
	section := func(name, value string) map[string]string { return map[string]string{"scalestack:" + name: value} }
	tls := func(key string) string {
		return "has no key " + key + `; its keys: user. Fix: pulumi config set --secret --path 'scalestack:secrets.own["` + key + `"]'`
	}
	for name, test := range map[string]struct {
		config map[string]string
		path   string
		says   []string
	}{
		"mount":        {oneService(files), "services.shop.mounts[0].secrets[0].secret", []string{"has no key password; its keys: user. Fix: pulumi config set --secret --path 'scalestack:secrets.own.password'"}},
		"migration":    {oneService(`"migration":{"args":["m"],` + files + `}`), "services.shop.migration.mounts[0].secrets[0].secret", []string{"has no key password"}},
		"post-rollout": {oneService(`"postRollout":{"args":["m"],` + files + `}`), "services.shop.postRollout.mounts[0].secrets[0].secret", []string{"has no key password"}},
		"redis":        {section("redis", `{"tls":{"secret":"own"}}`), "redis.tls.secret", []string{tls("tls.crt"), tls("tls.key"), tls("ca.crt")}},
		"postgres":     {section("postgres", `{"tls":{"secret":"own"}}`), "postgres.tls.secret", []string{tls("tls.crt"), tls("tls.key"), tls("ca.crt")}},
		"pull":         {section("kubernetes", `{"pullSecret":"own"}`), "kubernetes.pullSecret", []string{tls(".dockerconfigjson")}},
		"gateway":      {routed(openWeb, `"own":{"class":"envoy","secret":"own"}`), "gateway.own.secret", []string{tls("tls.crt"), tls("tls.key")}},
		"backup": {section("postgres", `{"image":"scalestack/postgres:16.2-patroni-4.1.5-barman-3.19.1","backup":{"bucket":"s3://acme/prod","credentialsSecret":"own"}}`), "postgres.backup.credentialsSecret",
			[]string{"has no key AWS_ACCESS_KEY_ID", "has no key AWS_SECRET_ACCESS_KEY"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadSecret(test.config, `{"own":{"user":"hush"}}`)
			require.Error(t, err)
			lines := strings.Split(err.Error(), "\n")
			require.Len(t, lines, len(test.says), err.Error())
			for i, want := range test.says {
				require.Contains(t, lines[i], `scalestack:`+test.path+`: Invalid value: "own": `+want)
			}
			require.NotContains(t, err.Error(), "hush")
		})
	}
	_, err := loadSecret(oneService(files), `{"own":{"user":"hush","password":"hush"}}`)
	require.NoError(t, err)
	_, err = load(t, oneService(`"postRollout":{"args":["m"],`+files+`}`))
	require.ErrorContains(t, err, `services.shop.postRollout.mounts[0].secrets[0].secret: Invalid value: "own": is made by nobody`)
}

// A pod pulls with what its account has, which is not the namespace's default one for
// most of them.
func TestEveryPodPullsWithTheSecret(t *testing.T) {
	e := &engine{}
	require.NoError(t, e.run(t, &clustertest.Fake{}, map[string]string{
		"scalestack:kubernetes":      `{"context":"blue","pullSecret":"registry"}`,
		"scalestack:externalSecrets": `["registry"]`,
		"scalestack:services":        `{"shop":{"image":"a:1","migration":{"args":["migrate"]}},"worker":{"image":"a:1"}}`,
	}))
	pulls, pods := map[string]bool{}, map[string]string{}
	for _, one := range e.registered {
		switch one.TypeToken {
		case "kubernetes:core/v1:ServiceAccount", "kubernetes:core/v1:ServiceAccountPatch":
			name := one.Inputs["metadata"].ObjectValue()["name"].StringValue()
			for _, secret := range one.Inputs["imagePullSecrets"].ArrayValue() {
				pulls[name] = secret.ObjectValue()["name"].StringValue() == "registry"
			}
		case "kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet", "kubernetes:batch/v1:Job":
			account := "default"
			pod := one.Inputs["spec"].ObjectValue()["template"].ObjectValue()["spec"].ObjectValue()
			if own := pod["serviceAccountName"]; own.IsString() {
				account = own.StringValue()
			}
			pods[one.Name] = account
		}
	}
	require.Contains(t, pods, "shop-migrate")
	require.Contains(t, pods, "shards-reshard")
	for pod, account := range pods {
		require.True(t, pulls[account], "%s runs under the account %s, which pulls with nothing", pod, account)
	}
}
