package postgres

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
)

func withBackups(a *Args) {
	a.Image = pulumi.String(builtImage)
	a.Backup = &Backup{Bucket: "s3://acme/prod", CredentialsSecret: "bucket"}
}

func containersOf(spec *corev1.PodSpecArgs) map[string]*corev1.ContainerArgs {
	all := map[string]*corev1.ContainerArgs{}
	for _, list := range []corev1.ContainerArrayInput{spec.InitContainers, spec.Containers} {
		for _, c := range list.(corev1.ContainerArray) {
			c := c.(*corev1.ContainerArgs)
			all[string(c.Name.(pulumi.String))] = c
		}
	}
	return all
}

func mountPaths(c *corev1.ContainerArgs) (paths []string) {
	for _, m := range c.VolumeMounts.(corev1.VolumeMountArray) {
		paths = append(paths, string(m.(*corev1.VolumeMountArgs).MountPath.(pulumi.String)))
	}
	return paths
}

func TestAShardWithBackupsHasAContainerForThem(t *testing.T) {
	for name, change := range map[string]func(*Args){
		"one":   withBackups,
		"three": func(a *Args) { withBackups(a); a.Members = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			all := containersOf(podSpec(testPlan(change)))
			for _, container := range []string{"postgres", "backup"} {
				require.Contains(t, mountPaths(all[container]), bucketCredentialsPath)
			}
			backup := all["backup"]
			require.Equal(t, probe("test -s "+backupAliveFile, 5, 3), backup.ReadinessProbe, "a shard serves whatever becomes of its backups")
			require.NotNil(t, backup.LivenessProbe)
			require.Equal(t, pulumi.Bool(true), backup.SecurityContext.(*corev1.SecurityContextArgs).ReadOnlyRootFilesystem)
			for _, m := range backup.VolumeMounts.(corev1.VolumeMountArray) {
				mount := m.(*corev1.VolumeMountArgs)
				if mount.MountPath == pulumi.String(volumePath) {
					require.Equal(t, pulumi.Bool(true), mount.ReadOnly)
				}
			}
			if roles := all["roles"]; roles != nil {
				require.NotContains(t, mountPaths(roles), bucketCredentialsPath)
			}
		})
	}
}

// The server's settings say where the log goes, to Patroni's servers in a file and not in
// its store. The memory of the program that archives is not the server's.
func TestAServerWithBackupsArchives(t *testing.T) {
	for _, members := range []int{1, 3} {
		p := testPlan(func(a *Args) { withBackups(a); a.Members = members })
		config := restartingFiles(p)["postgresql.conf"]
		require.Contains(t, config, "archive_mode = 'on'\narchive_command = 'ulimit -S -d \"$(ulimit -H -d)\"; exec python3 -I /etc/postgresql/backup.py archive %p'\narchive_timeout = '60'\n")
		require.Contains(t, mountedFiles(p)["backup.json"], `"archive": "postgres-shard-3"`)
		require.NotContains(t, dynamicConfig(p.Args)["postgresql"].(object)["parameters"], "archive_mode")
		with, _ := serverMemoryOf(p.Args)
		p.Backup = nil
		without, _ := serverMemoryOf(p.Args)
		require.EqualValues(t, archiveMemory, without-with)
	}
}

// Only what PostgreSQL reads at its start restarts a shard.
func TestWhatOfBackupsRestartsAShard(t *testing.T) {
	files := func(change func(*Args)) map[string]string {
		return restartingFiles(testPlan(func(a *Args) { withBackups(a); change(a) }))
	}
	before := files(func(*Args) {})
	require.Equal(t, before, files(func(a *Args) {
		a.Backup.IntervalHours, a.Backup.RetentionDays, a.Backup.Compression, a.Backup.Endpoint = 1, 7, "all", "https://minio.example.com"
	}))
	require.Equal(t, before, files(func(a *Args) { a.Restore = &Restore{Name: "friday", Shards: []int{2}, To: latest} }), "another shard's restore")
	require.NotEqual(t, before, files(func(a *Args) { a.Restore = &Restore{Name: "friday", Shards: []int{3}, To: latest} }))
	require.NotEqual(t, before, files(func(a *Args) { a.Backup.ArchiveTimeoutSeconds = 10 }))
}

func TestWithoutBackupsNothingChanges(t *testing.T) {
	p := testPlan(nil)
	for name, text := range mountedFiles(p) {
		require.NotContains(t, text, "restore.py", name)
		require.NotContains(t, text, "archive_mode", name)
	}
	require.Equal(t, rolloutScript, rolloutProgram(p.Args))
	require.Len(t, podSpec(p).Containers, 1)
	require.Nil(t, podSpec(p).ServiceAccountName)
	require.Empty(t, p.restoreRevision())
}

func TestTheBucketIsReached(t *testing.T) {
	for name, tc := range map[string]struct {
		backup Backup
		ports  []int
	}{
		"amazon":            {Backup{}, []int{443}},
		"port":              {Backup{Endpoint: "https://minio:9000", CredentialsSecret: "x"}, []int{9000}},
		"port and identity": {Backup{Endpoint: "https://minio:9000"}, []int{443, 9000}},
		"plain":             {Backup{Endpoint: "http://minio", CredentialsSecret: "x"}, []int{80}},
	} {
		require.Equal(t, tc.ports, tc.backup.ports(), name)
	}
	args := &Args{Shards: []int{3}}
	withBackups(args)
	args.Backup.EgressTo = []k8s.Peer{{CIDR: pulumi.String("192.0.2.0/24")}}
	args.Backup.MetricsFrom = []k8s.Peer{{Pods: pulumi.StringMap{"app": pulumi.String("prometheus")}}}
	record := run(t, args)
	rules, _ := kubetest.Value(record.Get(t, "NetworkPolicy", "postgres-bucket-"+args.Backup.egressRevision()), "spec.egress")
	last := rules.ArrayValue()[0].ObjectValue()
	require.Contains(t, last["to"].String(), "192.0.2.0/24")
	require.Contains(t, last["ports"].String(), "443")
	policy := record.Get(t, "NetworkPolicy", "postgres")
	rules, _ = kubetest.Value(policy, "spec.egress")
	require.NotContains(t, rules.String(), "192.0.2.0/24")
	rules, _ = kubetest.Value(policy, "spec.ingress")
	last = rules.ArrayValue()[len(rules.ArrayValue())-1].ObjectValue()
	require.Contains(t, last["from"].String(), "prometheus")
	require.Contains(t, last["ports"].String(), "9188")
}

// The agent of EKS Pod Identity answers on the node, by HTTP, wherever the bucket is.
func TestPodsReachTheAgentOfTheirIdentity(t *testing.T) {
	for _, b := range []Backup{{}, {Endpoint: "https://minio:9000"}, {EgressTo: []k8s.Peer{{CIDR: pulumi.String("192.0.2.0/24")}}}} {
		for secret, reached := range map[string]bool{"": true, "bucket-login": false} {
			b.CredentialsSecret = secret
			args := &Args{Shards: []int{3}}
			withBackups(args)
			b.Bucket = args.Backup.Bucket
			args.Backup = &b
			rules, _ := kubetest.Value(run(t, args).Get(t, "NetworkPolicy", "postgres-bucket-"+b.egressRevision()), "spec.egress")
			for _, agent := range []string{"169.254.170.23/32", "fd00:ec2::23/128"} {
				require.Equal(t, reached, strings.Contains(rules.String(), agent), "%s %s", agent, secret)
			}
		}
	}
}

// Two places at once are two policies.
func TestEveryPlaceOfABucketHasAPolicyOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range []Backup{
		{}, {CredentialsSecret: "x"}, {Endpoint: "https://minio:9000"}, {EgressTo: []k8s.Peer{{CIDR: pulumi.String("192.0.2.0/24")}}}, {EgressTo: []k8s.Peer{{CIDR: pulumi.String("192.0.3.0/24")}}},
		{EgressTo: []k8s.Peer{{Pods: pulumi.StringMap{"app": pulumi.String("minio")}}}}, {EgressTo: []k8s.Peer{{Namespaces: pulumi.StringMap{"app": pulumi.String("minio")}}}},
		{EgressTo: []k8s.Peer{{CIDR: pulumi.String("").ToStringOutput()}, {Pods: pulumi.StringMap{}.ToStringMapOutput()}}},
	} {
		require.False(t, seen[b.egressRevision()])
		require.Equal(t, b.egressRevision(), b.egressRevision())
		seen[b.egressRevision()] = true
	}
}

func TestPodsGetTheirOwnIdentity(t *testing.T) {
	args := &Args{Shards: []int{3}, PullSecret: "registry"}
	withBackups(args)
	require.Nil(t, podSpec(plan{Args: args.withDefaults(), component: "postgres", id: 3}).ServiceAccountName)
	args.Backup.CredentialsSecret = ""
	args.Backup.ServiceAccountAnnotations = map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/backups"}
	record := run(t, args)
	account := record.Get(t, "ServiceAccount", "postgres-shard-3")
	require.Equal(t, args.Backup.ServiceAccountAnnotations["eks.amazonaws.com/role-arn"], kubetest.Text(account, `metadata.annotations["eks.amazonaws.com/role-arn"]`))
	require.Equal(t, "registry", kubetest.Text(account, "imagePullSecrets[0].name"))
	set := record.Get(t, "StatefulSet", "postgres-shard-3")
	require.Equal(t, "postgres-shard-3", kubetest.Text(set, "spec.template.spec.serviceAccountName"))
	require.Contains(t, needs(named(t, record, "postgres-shard-3")), "postgres-shard-3-account")
	for _, job := range []string{"postgres-shard-3-gate", "postgres-rollout"} {
		require.Empty(t, kubetest.Text(named(t, record, job), "spec.template.spec.serviceAccountName"), job)
	}
	spec := statefulSet(testPlan(func(a *Args) { *a = *args }), pulumi.String("sum")).Spec.(*appsv1.StatefulSetSpecArgs)
	require.Equal(t, pulumi.String("postgres-shard-3-headless"), spec.ServiceName)
}

func TestBackupsAndRestoresAreChecked(t *testing.T) {
	restore := func(change func(*Restore)) func(*Args) {
		return func(a *Args) {
			a.Restore = &Restore{Name: "friday", Shards: []int{3}, To: "2026-11-01T01:02:03Z"}
			change(a.Restore)
		}
	}
	for want, change := range map[string]func(*Args){
		`backup.bucket: Required value`:                                                      func(a *Args) { a.Backup.Bucket = "" },
		`backup.bucket: Invalid value: "https://acme": must be a bucket and a folder`:        func(a *Args) { a.Backup.Bucket = "https://acme" },
		`backup.bucket: Invalid value: "s3://acme/prod/": must be`:                           func(a *Args) { a.Backup.Bucket = "s3://acme/prod/" },
		`backup.endpoint: Invalid value: "minio:9000": must be`:                              func(a *Args) { a.Backup.Endpoint = "minio:9000" },
		`backup.intervalHours: Invalid value: 200: must be between 1 and 168`:                func(a *Args) { a.Backup.IntervalHours = 200 },
		`backup.retentionDays: Invalid value: -1: must be between 1 and 3650`:                func(a *Args) { a.Backup.RetentionDays = -1 },
		`backup.encryption: Unsupported value: "rot13"`:                                      func(a *Args) { a.Backup.Encryption = "rot13" },
		`backup.kmsKey: Invalid value: "key": must be left out unless encryption is aws:kms`: func(a *Args) { a.Backup.KMSKey = "key" },
		`backup.serviceAccountAnnotations: Invalid value: 1: must be left out with credentialsSecret`: func(a *Args) {
			a.Backup.ServiceAccountAnnotations = map[string]string{"a": "b"}
		},
		`backup.serviceAccountAnnotations: Invalid value: "a b": the key must be`: func(a *Args) {
			a.Backup.CredentialsSecret, a.Backup.ServiceAccountAnnotations = "", map[string]string{"a b": "c"}
		},
		`image: Invalid value: "postgres:16.2": must be an image with barman-cloud`:                          func(a *Args) { a.Image = pulumi.String("postgres:16.2") },
		`resources.memory: Invalid value: "300Mi": must be at least 384Mi with backup`:                       func(a *Args) { a.Resources = k8s.Resources{Memory: "300Mi"} },
		`backup.resources.memory: Invalid value: "256Mi": must be at least 320Mi`:                            func(a *Args) { a.Backup.Resources = k8s.Resources{Memory: "256Mi"} },
		`settings.archive_command: Forbidden: is decided by the component with backup`:                       func(a *Args) { a.Settings = map[string]string{"archive_command": "true"} },
		`backup: Required value: with restore`:                                                               func(a *Args) { restore(func(*Restore) {})(a); a.Backup = nil },
		`restore.name: Required value`:                                                                       restore(func(r *Restore) { r.Name = "" }),
		`restore.name: Invalid value: "Friday"`:                                                              restore(func(r *Restore) { r.Name = "Friday" }),
		`restore.shards: Required value`:                                                                     restore(func(r *Restore) { r.Shards = nil }),
		`restore.shards[1]: Duplicate value: 3`:                                                              restore(func(r *Restore) { r.Shards = []int{3, 3} }),
		`restore.shards[0]: Invalid value: 4: must be one of the shards`:                                     restore(func(r *Restore) { r.Shards = []int{4} }),
		`restore.to: Required value`:                                                                         restore(func(r *Restore) { r.To = "" }),
		`restore.to: Invalid value: "yesterday": must be latest, or a moment`:                                restore(func(r *Restore) { r.To = "yesterday" }),
		`restore.to: Invalid value: "2026-11-01 01:02:03": must be latest, or a moment`:                      restore(func(r *Restore) { r.To = "2026-11-01 01:02:03" }),
		`must not be in the future`:                                                                          restore(func(r *Restore) { r.To = time.Now().Add(time.Hour).UTC().Format(time.RFC3339) }),
		`restore.fromCluster: Forbidden: with from: it names the archives of all shards`:                     restore(func(r *Restore) { r.From, r.FromCluster = "prod-shard-3", "prod" }),
		`restore.fromCluster: Invalid value: "own": must be another stack's`:                                 func(a *Args) { restore(func(r *Restore) { r.FromCluster = "own" })(a); a.Backup.Archive = "own" },
		`restore.fromCluster: Invalid value: "prod": needs all shards in shards: 5 is missing`:               func(a *Args) { restore(func(r *Restore) { r.FromCluster = "prod" })(a); a.Shards = append(a.Shards, 5) },
		`restore.fromCluster: Invalid value: "Prod"`:                                                         restore(func(r *Restore) { r.FromCluster = "Prod" }),
		`restore.from: Invalid value: "postgres-shard-5": must be left out with several shards: each has an`: restore(func(r *Restore) { r.Shards, r.From = []int{3, 3}, "postgres-shard-5" }),
	} {
		args := &Args{Shards: []int{3}}
		withBackups(args)
		change(args)
		require.ErrorContains(t, args.Validate(), want)
	}
	args := &Args{Shards: []int{3}}
	withBackups(args)
	restore(func(r *Restore) { r.To = "2026-11-01T01:02:03.123456+02:00" })(args)
	require.NoError(t, args.Validate())
}

// An image without barman-cloud is refused by the gate, before a shard changes.
func TestAnImageWithoutBarmanIsRefused(t *testing.T) {
	require.Equal(t, barmanCheck+rolloutScript, rolloutProgram(testPlan(withBackups).Args))
	programs := t.TempDir()
	check := func(config string) (string, error) {
		cmd := exec.Command("/bin/sh", "-c", barmanCheck+"echo passed")
		cmd.Env = []string{"PATH=" + programs, "CONFIG=" + config}
		output, err := cmd.CombinedOutput()
		return string(output), err
	}
	output, err := check("/etc/rollout/postgresql.conf")
	require.Error(t, err)
	require.Contains(t, output, "the image has no barman-cloud")
	output, err = check("")
	require.NoError(t, err, "a Job that only waits does not look: %s", output)
	require.NoError(t, os.WriteFile(filepath.Join(programs, "barman-cloud-backup"), []byte("#!/bin/sh\n"), 0o755))
	output, err = check("/etc/rollout/postgresql.conf")
	require.NoError(t, err)
	require.Equal(t, "passed", strings.TrimSpace(output))
}

// Whatever the program does, its container runs on; when it is told to end, both do.
func TestTheContainerOutlivesItsProgram(t *testing.T) {
	folder := t.TempDir()
	fake := "#!/bin/sh\necho x >>\"" + folder + "/runs\"\n[ $(wc -l <\"" + folder + "/runs\") -lt 3 ] && kill -9 $$\nexec sleep 60\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "python3"), []byte(fake), 0o755))
	cmd := exec.Command("sh", "-c", strings.Replace(backupLoop, "sleep 5", "sleep 0.1", 1))
	cmd.Env = []string{"PATH=" + folder + ":" + os.Getenv("PATH"), "CONFIG=" + folder}
	var said strings.Builder
	cmd.Stderr = &said
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	require.Eventually(t, func() bool {
		runs, _ := os.ReadFile(filepath.Join(folder, "runs"))
		return strings.Count(string(runs), "x") == 3
	}, 10*time.Second, 20*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), "the program is gone too, or this would wait for its output")
	require.Equal(t, 2, strings.Count(said.String(), "backup: the program ended with 137, beginning anew"))
}
