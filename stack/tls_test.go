package stack

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/job"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/redis"
)

const withTLS = `{"tls":{"secret":"shards-tls"}}`

// Whoever is a client of the shards verifies them, and gets no more of the Secret than
// that takes.
func TestClientsOfTheShardsVerify(t *testing.T) {
	c := shop(t, map[string]string{"scalestack:postgres": withTLS, "scalestack:externalSecrets": `["shards-tls"]`})
	verifies := func(env variables, mounts []k8s.Mount, what string) {
		t.Helper()
		require.Equal(t, pulumi.String("verify-full"), env["SCALESTACK_DB_SSLMODE"], what)
		require.Equal(t, pulumi.String("/etc/scalestack/shards-ca/ca.crt"), env["SCALESTACK_DB_SSLROOTCERT"], what)
		require.Contains(t, mounts, k8s.Mount{Name: "shard-ca", Path: shardCAFolder, Secrets: []k8s.SecretFiles{
			{Secret: pulumi.String("shards-tls"), Files: map[string]string{"ca.crt": "ca.crt"}}}}, what)
	}
	for _, name := range []string{"web", "relay", "shardctl"} {
		a := c.serviceArgs(c.Services[name], wiredHere())
		verifies(a.BaseEnv, a.Mounts, name)
		if a.Migration != nil {
			verifies(a.Migration.BaseEnv, a.Migration.Mounts, name+" migration")
		}
	}
	for what, a := range map[string]*job.Args{"migrate": c.migrateArgs(here, here, here), "reshard": c.reshardArgs(here, here, here)} {
		verifies(a.BaseEnv, a.Mounts, what)
	}
	require.NotContains(t, c.serviceArgs(c.Services["mailer"], wiredHere()).BaseEnv, "SCALESTACK_DB_SSLMODE")
	require.NotContains(t, shop(t, nil).shardVariables(), "SCALESTACK_DB_SSLMODE")
}

// The same for the cache, of which only its users know.
func TestClientsOfTheCacheVerify(t *testing.T) {
	for mode, port := range map[string]int{"": redis.Port, "offer": redis.TLSPort, "require": redis.TLSPort} {
		config := map[string]string{"scalestack:redis": `{}`}
		if mode != "" {
			config = map[string]string{"scalestack:redis": `{"tls":{"secret":"cache-tls","mode":"` + mode + `"}}`, "scalestack:externalSecrets": `["cache-tls"]`}
		}
		c := shop(t, config)
		a := c.serviceArgs(c.Services["web"], wiredHere())
		trusted := k8s.Mount{Name: "redis-ca", Path: redisCAFolder, Secrets: []k8s.SecretFiles{
			{Secret: pulumi.String("cache-tls"), Files: map[string]string{"ca.crt": "ca.crt"}}}}
		if mode == "" {
			require.NotContains(t, a.BaseEnv, "SCALESTACK_REDIS_CA")
			require.NotContains(t, a.Mounts, trusted)
		} else {
			require.Equal(t, pulumi.String("/etc/scalestack/redis-ca/ca.crt"), a.BaseEnv["SCALESTACK_REDIS_CA"])
			require.Contains(t, a.Mounts, trusted)
		}
		require.Contains(t, a.EgressTo, k8s.Target{Peer: k8s.Peer{Pods: redis.PodLabels(redisName, 0)}, Port: port})
		require.NotContains(t, c.serviceArgs(c.Services["mailer"], wiredHere()).BaseEnv, "SCALESTACK_REDIS_CA")
	}
}

func TestACertificateThatNobodyMakesIsNamed(t *testing.T) {
	_, err := load(t, map[string]string{"scalestack:postgres": withTLS})
	require.ErrorContains(t, err, `scalestack:postgres.tls.secret: Invalid value: "shards-tls": is made by nobody`)
	_, err = load(t, map[string]string{"scalestack:redis": `{"tls":{"secret":"cache-tls"}}`})
	require.ErrorContains(t, err, `scalestack:redis.tls.secret: Invalid value: "cache-tls": is made by nobody`)
	_, err = load(t, map[string]string{"scalestack:postgres": `{"tls":{}}`})
	require.EqualError(t, err, "scalestack:postgres.tls: Required value: one of secret and issuer")
	_, err = load(t, map[string]string{"scalestack:postgres": `{"tls":{"issuer":{"name":"internal"}}}`})
	require.NoError(t, err)
}

// The default of shardctl's SCALESTACK_RESHARD_SSLROOTCERT, in a module of its own.
func TestServersHaveTheAuthorityWhereTheMoverSays(t *testing.T) {
	require.Equal(t, "/var/lib/postgresql/data/tls/current/ca.crt", postgres.AuthorityPath)
}
