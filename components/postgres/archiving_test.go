package postgres

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/sharding/owner"
)

func TestTheBucketIsTriedBeforeAnyShardChanges(t *testing.T) {
	for _, rollout := range []Rollout{RolloutSerial, RolloutParallel} {
		args := &Args{Shards: []int{3, 4}, Rollout: rollout}
		withBackups(args)
		record := run(t, args)
		for _, changed := range []string{"postgres-shard-3-config", "postgres-shard-4-config"} {
			require.Contains(t, needs(named(t, record, changed)), "postgres-bucket")
		}
		job := named(t, record, "postgres-bucket")
		require.Subset(t, needs(job), []string{"postgres-bucket-policy", "postgres-rollout-policy", "postgres-rollout-files"})
		require.Contains(t, kubetest.Text(job, "spec.template.spec.containers[0].command[3]"), "before")
		volumes, _ := kubetest.Value(job, "spec.template.spec.volumes")
		require.Contains(t, volumes.String(), "postgres-shard-4-admin")
		require.Contains(t, volumes.String(), "backup-credentials")

		policy := record.Get(t, "NetworkPolicy", "postgres-bucket")
		selector, _ := kubetest.Value(policy, "spec.podSelector.matchLabels")
		labels, _ := kubetest.Value(job, "spec.template.metadata.labels")
		require.True(t, selects(selector.ObjectValue(), labels.ObjectValue()))
		egress, _ := kubetest.Value(policy, "spec.egress")
		require.Contains(t, egress.String(), "443")

		archived := named(t, record, "postgres-archived")
		require.Contains(t, needs(archived), "postgres-rollout")
		require.Contains(t, needs(named(t, record, "postgres-rolled-out")), "postgres-archived")
		require.Equal(t, "300", jobEnv(archived, "PATIENCE"))
		labels, _ = kubetest.Value(archived, "spec.template.metadata.labels")
		require.False(t, selects(selector.ObjectValue(), labels.ObjectValue()), "it needs no bucket")
	}
	names := strings.Join(run(t, &Args{Shards: []int{3}}).Names(), " ")
	require.NotContains(t, names, "postgres-bucket")
	require.NotContains(t, names, "postgres-archived")
}

// The pods' own identity is that of the Job.
func TestTheBucketIsTriedAsThePodsDo(t *testing.T) {
	args := &Args{Shards: []int{3, 4}}
	withBackups(args)
	args.Backup.CredentialsSecret = ""
	args.Backup.ServiceAccountAnnotations = map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/backups"}
	record := run(t, args)
	job := named(t, record, "postgres-bucket")
	require.Equal(t, "postgres-shard-3", kubetest.Text(job, "spec.template.spec.serviceAccountName"))
	require.Contains(t, needs(job), "postgres-shard-3-account")
	require.Empty(t, kubetest.Text(named(t, record, "postgres-archived"), "spec.template.spec.serviceAccountName"))
}

// What the Jobs look at makes new ones, and nothing else of the backups does.
func TestABucketIsLookedAtWhenItChanges(t *testing.T) {
	names := func(change func(*Args)) []string {
		args := &Args{Shards: []int{3, 4}}
		withBackups(args)
		change(args)
		record := run(t, args)
		return []string{kubetest.Text(named(t, record, "postgres-bucket"), "metadata.name"), kubetest.Text(named(t, record, "postgres-archived"), "metadata.name")}
	}
	before := names(func(*Args) {})
	for name, change := range map[string]func(*Args){
		"bucket":   func(a *Args) { a.Backup.Bucket = "s3://other/prod" },
		"folder":   func(a *Args) { a.Backup.Bucket = "s3://acme/other" },
		"endpoint": func(a *Args) { a.Backup.Endpoint = "https://minio.example.com" },
		"secret":   func(a *Args) { a.Backup.CredentialsSecret = "other" },
		"key":      func(a *Args) { a.Backup.Encryption, a.Backup.KMSKey = "aws:kms", "key" },
		"archive":  func(a *Args) { a.Backup.Archive = "other" },
		"restore":  func(a *Args) { a.Restore = &Restore{Name: "friday", Shards: []int{3}, To: latest} },
	} {
		changed := names(change)
		require.NotEqual(t, before[0], changed[0], name)
		require.NotEqual(t, before[1], changed[1], name)
	}
	require.Equal(t, before, names(func(a *Args) {
		a.Backup.RetentionDays, a.Backup.IntervalHours, a.Backup.Compression, a.Backup.Verify = 7, 1, "all", &Verify{}
	}))
}

// archiving runs what the Jobs "before" and "after" run.
func archiving(args *Args, command string, members ...*shard) (string, error) {
	s := members[0]
	s.t.Helper()
	var lines strings.Builder
	for i, m := range members {
		name := plan{Args: args, member: i}.name()
		lines.WriteString(name + " 127.0.0.1 " + strconv.Itoa(m.port) + " shard_0_db -\n")
		s.write("job/credentials/"+name+"/password", "mover-of-admin-1")
	}
	for name, text := range archivingFiles("postgres", args.withDefaults()) {
		s.write("job/"+name, strings.ReplaceAll(text, bucketCredentialsPath, s.at("backup-credentials")))
	}
	cmd := s.pythonCommand(s.at("job/archiving.py"), command)
	cmd.Env = append(cmd.Env, "SHARDS="+lines.String(), "CREDENTIALS="+s.at("job/credentials"), "CONFIG="+s.at("job"), "ROLE="+owner.Mover,
		"PATIENCE=2", "PAUSE=1")
	if command == archiveAfter {
		cmd.Env = append(cmd.Env, "PATIENCE=60")
	}
	output, err := cmd.CombinedOutput()
	return string(output), err
}

func requireArchiving(t *testing.T, want string, args *Args, command string, members ...*shard) {
	t.Helper()
	output, err := archiving(args, command, members...)
	require.NoError(t, err, output)
	require.Contains(t, output, want)
}

// refusing stands before the store and refuses one method.
func (s *store) refusing(method string) string {
	return s.guarded(func(r *http.Request) bool { return r.Method == method })
}

// guarded stands before the store and refuses some requests.
func (s *store) guarded(refused func(*http.Request) bool) string {
	forward := s.forward()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !refused(r) {
			forward.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>not allowed</Message></Error>"))
	}))
	s.t.Cleanup(server.Close)
	return server.URL
}

// forward hands requests on to the store.
func (s *store) forward() http.Handler {
	target, err := url.Parse(s.endpoint)
	require.NoError(s.t, err)
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		// It is signed.
		r.Out.Host = r.In.Host
	}}
}

func TestABucketThatDoesNotWorkIsNoArchive(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	without := store.args(nil)
	without.Backup = nil
	s.configure(without)
	require.NoError(t, os.Remove(s.at("backup.json")))
	s.requireBootstrap()
	s.start()
	for want, change := range map[string]func(*Args){
		"postgres.backup.bucket: s3://bakcups/prod/postgres-shard-0 (s3:ListBucket): An error occurred (NoSuchBucket)": func(a *Args) { a.Backup.Bucket = "s3://bakcups/prod" },
		"postgres.backup.credentialsSecret: s3://backups/prod/postgres-shard-0 (s3:PutObject): ":                       func(a *Args) { a.Backup.Endpoint = store.refusing("PUT") },
		"(s3:DeleteObject, which the retention needs): ":                                                               func(a *Args) { a.Backup.Endpoint = store.refusing("DELETE") },
		"postgres.backup.endpoint: s3://backups/prod/postgres-shard-0 (s3:ListBucket): Could not connect":              func(a *Args) { a.Backup.Endpoint = "http://127.0.0.1:1" },
	} {
		args := store.args(nil)
		change(args)
		output, err := archiving(args, archiveBefore, s)
		require.Error(t, err, output)
		require.Contains(t, output, want)
	}
	s.write("backup-credentials/AWS_SECRET_ACCESS_KEY", "other\n")
	output, err := archiving(store.args(nil), archiveBefore, s)
	require.Error(t, err, output)
	require.Contains(t, output, "postgres.backup.credentialsSecret: s3://backups/prod/postgres-shard-0 (s3:ListBucket): An error occurred (SignatureDoesNotMatch)")
	s.write("backup-credentials/AWS_SECRET_ACCESS_KEY", "secret\n")

	// What the one that must not be removed has left is in nobody's archive.
	left := store.files("prod")
	require.Len(t, left, 1)
	require.True(t, strings.HasPrefix(left[0], "postgres-shard-0.probe-"), left[0])
	requireArchiving(t, "takes, gives back and removes objects", store.args(nil), archiveBefore, s)
	require.Equal(t, left, store.files("prod"))

	other := filepath.Join(store.folder, "backups/prod/postgres-shard-0")
	require.NoError(t, os.Mkdir(other, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(other, "owner.json"), []byte(`{"system": "1", "made": "2026-01-01T00:00:00+00:00"}`), 0o644))
	output, err = archiving(store.args(nil), archiveBefore, s)
	require.Error(t, err, output)
	require.Contains(t, output, "belongs to another cluster")
}

func TestADeploymentEndsWhenTheShardArchives(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	s.requireBootstrap()
	wrong := store.args(nil)
	wrong.Backup.Bucket = "s3://bakcups/prod"
	s.configure(wrong)
	s.env = append(s.env, "AWS_MAX_ATTEMPTS=1")
	s.start()
	output, err := archiving(store.args(nil), archiveAfter, s)
	require.Error(t, err, output)
	require.Contains(t, output, "after 60 s, shard-0: the settings have not reached its pod yet")
	output, err = archiving(wrong, archiveAfter, s)
	require.Error(t, err, output)
	require.Contains(t, output, "shard-0: it cannot archive 0000000100000000000000")
	require.Contains(t, output, "to s3://bakcups/prod: NoSuchBucket: ")

	// PostgreSQL tries again within a minute, and without anybody's writes.
	s.configure(store.args(nil))
	requireArchiving(t, "all shards archive", store.args(nil), archiveAfter, s)
	require.True(t, slices.ContainsFunc(store.files("prod/postgres-shard-0/wals"), func(name string) bool { return strings.HasSuffix(name, ".gz") }))

	// The bucket is away for a while: nobody is kept from deploying what has nothing to do with it.
	store.stop()
	requireArchiving(t, "archive with these settings already", store.args(nil), archiveBefore, s)
	requireArchiving(t, "all shards archive", store.args(nil), archiveAfter, s)
	folder := store.args(nil)
	folder.Backup.Bucket = "s3://backups/other"
	output, err = archiving(folder, archiveBefore, s)
	require.Error(t, err, output)
	require.Contains(t, output, "postgres.backup.endpoint: s3://backups/other/postgres-shard-0 (s3:ListBucket): Could not connect")
}
