package postgres

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/sharding/owner"
)

var scraper = k8s.Peer{Pods: pulumi.StringMap{"app": pulumi.String("prometheus")}}

func TestTheExporterChangesNoShard(t *testing.T) {
	without, with := run(t, &Args{Shards: []int{0, 7}}), run(t, &Args{Shards: []int{0, 7}, Exporter: &Exporter{}})
	for _, kind := range []string{"StatefulSet", "Job"} {
		for _, made := range without.All() {
			if !strings.HasSuffix(made.TypeToken, ":"+kind) {
				continue
			}
			require.Equal(t, made.Inputs, with.Get(t, kind, kubetest.Text(made, "metadata.name")).Inputs)
		}
	}
	added := withoutHashes(with.Names())
	for _, name := range withoutHashes(without.Names()) {
		require.Contains(t, added, name)
	}
	require.Subset(t, added, []string{
		"Deployment postgres-exporter", "Job postgres-monitor-#", "NetworkPolicy postgres-exporter", "NetworkPolicy postgres-monitor",
		"Secret postgres-exporter", "Service postgres-exporter", "ServiceAccount postgres-exporter",
	})
	require.Len(t, added, len(without.Names())+7, "however many shards there are")
	with.RequireParented(t, "postgres")
	with.RequireNoPlainSecret(t, kubetest.Password)
}

// Scrapers reach the exporter, the exporter the shards, and nobody else either.
func TestWhoReachesTheExporter(t *testing.T) {
	record := run(t, &Args{Shards: []int{0}, Exporter: &Exporter{MetricsFrom: []k8s.Peer{scraper}}})
	text := func(name, path string) string { return kubetest.Text(record.Get(t, "NetworkPolicy", name), path) }
	require.Equal(t, "prometheus", text("postgres-exporter", "spec.ingress[0].from[0].podSelector.matchLabels.app"))
	port, _ := kubetest.Value(record.Get(t, "NetworkPolicy", "postgres-exporter"), "spec.ingress[0].ports[0].port")
	require.EqualValues(t, ExporterPort, port.NumberValue())
	require.Empty(t, text("postgres-exporter", "spec.ingress[1]"))
	require.Equal(t, "postgres", text("postgres-exporter", `spec.egress[1].to[0].podSelector.matchLabels["app.kubernetes.io/name"]`))
	require.Equal(t, "postgres-exporter", text("postgres", `spec.ingress[0].from[2].podSelector.matchLabels["app.kubernetes.io/name"]`))
	require.Equal(t, "postgres-monitor", text("postgres", `spec.ingress[0].from[3].podSelector.matchLabels["app.kubernetes.io/name"]`))
	require.Empty(t, text("postgres-monitor", "spec.ingress[0]"))
	require.Empty(t, text("postgres", "spec.ingress[0].from[4]"))
}

// The exporter has no password but its own.
func TestTheExporterSeesItsOwnCredentialsAlone(t *testing.T) {
	e := shardExporter("postgres", (&Args{Shards: []int{0}, Exporter: &Exporter{}}).withDefaults(), pulumi.String(""))
	require.Equal(t, []k8s.Mount{{Name: "config", Path: exporterPath, Secrets: []k8s.SecretFiles{{
		Secret: pulumi.String("postgres-exporter"), Files: map[string]string{exporterFile: exporterFile},
	}}}}, e.Program.Mounts)
}

func TestEveryShardIsATarget(t *testing.T) {
	record := run(t, &Args{Shards: []int{0, 7}, Exporter: &Exporter{}})
	service := record.Get(t, "Service", "postgres-exporter")
	require.Equal(t, "true", kubetest.Text(service, `metadata.annotations["pulumi.com/skipAwait"]`))
	require.Equal(t, "shard-7", kubetest.Text(service, "spec.ports[1].name"))
	port, _ := kubetest.Value(service, "spec.ports[1].port")
	require.EqualValues(t, 20007, port.NumberValue())
	require.Equal(t, "exporter", kubetest.Text(service, "spec.ports[1].targetPort"))
	require.Equal(t, "None", kubetest.Text(service, "spec.clusterIP"))
}

func TestStatementsAreCountedWhereTheServersDo(t *testing.T) {
	a := (&Args{Shards: []int{0}, Exporter: &Exporter{}}).withDefaults()
	require.NotContains(t, shardExporter("postgres", a, nil).Program.Args, "--collector.stat_statements")
	a.Settings = map[string]string{"shared_preload_libraries": "auto_explain, pg_stat_statements"}
	require.Contains(t, shardExporter("postgres", a, nil).Program.Args, "--collector.stat_statements")
}

// monitor runs monitor.sh against the shard.
func (s *shard) monitor(password string, env ...string) (string, error) {
	return s.monitorAs("mover-of-admin-1", password, env...)
}

// monitorAs has another password of the mover than the server.
func (s *shard) monitorAs(mover, password string, env ...string) (string, error) {
	s.write("monitor-credentials/shard-0/password", mover)
	s.write("monitor/password", password)
	cmd := s.command("sh", "-c", monitorScript)
	cmd.Env = append([]string{
		"PATH=" + s.path, strings.TrimSpace(s.line("")),
		"ROLE=" + owner.Mover, "CREDENTIALS=" + s.at("monitor-credentials"), "PASSWORD=" + s.at("monitor/password"),
	}, env...)
	text, err := cmd.CombinedOutput()
	require.NotContains(s.t, string(text), password)
	return string(text), err
}

func (s *shard) exec(sql string) {
	s.t.Helper()
	conn, err := s.connect("postgres", "admin-1")
	require.NoError(s.t, err)
	defer conn.Close(s.t.Context())
	_, err = conn.Exec(s.t.Context(), sql)
	require.NoError(s.t, err)
}

func TestTheRoleReadsStatisticsAndNoRows(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	logged := s.startWithLog()
	for _, setting := range []string{"log_statement = 'all'", "log_min_duration_statement = 0"} {
		s.exec("ALTER SYSTEM SET " + setting)
	}
	s.exec("SELECT pg_reload_conf()")
	for _, password := range []string{"monitors-first-password", "monitors-second-password", "monitors-second-password"} {
		output, err := s.monitor(password)
		require.NoError(t, err, output)
		require.Equal(t, MonitorRole, s.query(MonitorRole, password, "SELECT current_user"))
	}
	_, err := s.connect(MonitorRole, "monitors-first-password")
	require.ErrorContains(t, err, "password authentication failed")

	const password = "monitors-second-password"
	require.Equal(t, "true", s.query(MonitorRole, password, "SELECT (count(*) >= 0)::text FROM pg_stat_replication"))
	require.Equal(t, "true", s.query(MonitorRole, password, "SELECT (count(*) > 0)::text FROM pg_stat_activity WHERE query IS NOT NULL"))
	s.exec("CREATE TABLE secrets (id int)")
	monitor, err := s.connect(MonitorRole, password)
	require.NoError(t, err)
	defer monitor.Close(t.Context())
	_, err = monitor.Exec(t.Context(), "CREATE TEMP TABLE mine AS SELECT 1")
	require.ErrorContains(t, err, "read-only transaction")
	_, err = monitor.Exec(t.Context(), "SET default_transaction_read_only = off")
	require.NoError(t, err)
	for sql, want := range map[string]string{
		"SELECT * FROM secrets":                              "permission denied",
		"CREATE TABLE public.mine (id int)":                  "permission denied",
		"CREATE ROLE other":                                  "permission denied",
		"SELECT pg_read_file('/etc/passwd')":                 "permission denied",
		"SET statement_timeout = 0; SELECT * FROM pg_authid": "permission denied",
	} {
		_, err := monitor.Exec(t.Context(), sql)
		require.ErrorContains(t, err, want, sql)
	}
	require.NotContains(t, logged(), password)
}

func TestAShardThatDoesNotAnswerHasNoRole(t *testing.T) {
	s := newShard(t)
	output, err := s.monitor("x")
	require.Error(t, err)
	require.Contains(t, output, "monitor: shard-0 has no role monitor yet")
}
