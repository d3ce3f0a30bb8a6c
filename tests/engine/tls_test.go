package engine

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/postgres"
)

// A setting with which the first shard does not start is taken back while that shard is down.
func TestASettingIsTakenBackWhereTLSIsRequired(t *testing.T) {
	var settings map[string]string
	r := twoShards(t, func(a *postgres.Args) {
		a.Settings, a.TLS = settings, &postgres.TLS{TLS: k8s.TLS{Secret: "shards-tls"}}
	})
	settings, r.unready = map[string]string{"shared_preload_libraries": "pg_stat_statments"}, "StatefulSet"
	said, err := r.run(update, false)
	require.Error(t, err, said)
	require.Contains(t, r.done, "update StatefulSet postgres-shard-0")
	settings, r.unready = nil, ""
	r.mustRun(update)
	require.NotContains(t, strings.Join(r.done, "\n"), "Job postgres-clients", "it would ask the shard that is down")
	config := r.find("ConfigMap", "postgres-shard-0-config").Inputs["data"].ObjectValue()["postgresql.conf"].StringValue()
	require.NotContains(t, config, "pg_stat_statments")
}
