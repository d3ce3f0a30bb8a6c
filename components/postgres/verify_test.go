package postgres

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
)

func withVerify(a *Args) {
	a.Image = pulumi.String(builtImage)
	a.Backup = &Backup{Bucket: "s3://acme/prod", CredentialsSecret: "bucket", Verify: &Verify{}, MetricsFrom: []k8s.Peer{{CIDR: pulumi.String("10.0.0.0/8")}}}
}

func TestVerificationHasAPodOfItsOwn(t *testing.T) {
	args := &Args{Shards: []int{0, 7}}
	withVerify(args)
	record := run(t, args)
	job := record.Get(t, "CronJob", "postgres-verify")
	for path, want := range map[string]any{
		"spec.schedule": "17 3 * * *", "spec.timeZone": "Etc/UTC", "spec.concurrencyPolicy": "Forbid",
		"spec.jobTemplate.spec.template.spec.restartPolicy": "Never", "spec.jobTemplate.spec.template.spec.automountServiceAccountToken": false,
		"spec.jobTemplate.spec.template.spec.serviceAccountName": "postgres-verify",
	} {
		value, ok := kubetest.Value(job, path)
		require.True(t, ok, path)
		require.Equal(t, want, value.V, path)
	}
	pod, _ := kubetest.Value(job, "spec.jobTemplate.spec.template.spec")
	text, err := json.Marshal(pod.Mappable())
	require.NoError(t, err)
	require.Contains(t, string(text), `"ephemeral":{"volumeClaimTemplate"`)
	require.NotContains(t, string(text), "persistentVolumeClaim", "no shard's volume")
	require.NotContains(t, string(text), "admin-credentials")
	files, _ := kubetest.Value(record.Get(t, "ConfigMap", "postgres-verify"), "data")
	require.JSONEq(t, `{"shard-0": "postgres-shard-0", "shard-7": "postgres-shard-7"}`, files.ObjectValue()["verify.json"].StringValue())
	ingress, _ := kubetest.Value(record.Get(t, "NetworkPolicy", "postgres-verify"), "spec.ingress")
	require.Empty(t, ingress.ArrayValue())

	args.Backup.Verify = nil
	require.NotContains(t, strings.Join(run(t, args).Names(), " "), "verify")
}

// A pod as large as a shard, which waits for room or for a person, and takes nobody's.
func TestVerificationTakesNoPodsPlace(t *testing.T) {
	args := &Args{Shards: []int{0}, PriorityClass: pulumi.String("databases")}
	withVerify(args)
	record := run(t, args)
	require.Equal(t, "databases", kubetest.Text(record.Get(t, "StatefulSet", "postgres-shard-0"), "spec.template.spec.priorityClassName"))
	_, has := kubetest.Value(record.Get(t, "CronJob", "postgres-verify"), "spec.jobTemplate.spec.template.spec.priorityClassName")
	require.False(t, has)
}

// Only a server of the archive's version can read it.
func TestEachImageVerifiesItsOwnShards(t *testing.T) {
	other := strings.Replace(builtImage, ":16.2-", ":17.5-", 1)
	args := &Args{Shards: []int{0, 4, 7}}
	withVerify(args)
	args.Images = map[int]pulumi.StringInput{4: pulumi.String(other)}
	record := run(t, args)
	job := record.Get(t, "CronJob", "postgres-verify")
	pod := "spec.jobTemplate.spec.template.spec."
	for path, want := range map[string]any{
		"initContainers[0].name": "verify-shard-0", "initContainers[0].image": builtImage, "initContainers[0].env[3].value": "verify-shard-0.json",
		"containers[0].name": "verify", "containers[0].image": other, "containers[0].env[3].value": "verify-shard-4.json",
	} {
		value, ok := kubetest.Value(job, pod+path)
		require.True(t, ok, path)
		require.Equal(t, want, value.V, path)
	}
	files, _ := kubetest.Value(record.Get(t, "ConfigMap", "postgres-verify"), "data")
	require.JSONEq(t, `{"shard-0": "postgres-shard-0", "shard-7": "postgres-shard-7"}`, files.ObjectValue()["verify-shard-0.json"].StringValue())
	require.JSONEq(t, `{"shard-4": "postgres-shard-4"}`, files.ObjectValue()["verify-shard-4.json"].StringValue())

	// All of the new version: as with one image.
	args.Shards, args.Images = []int{4}, map[int]pulumi.StringInput{4: pulumi.String(other)}
	job = run(t, args).Get(t, "CronJob", "postgres-verify")
	_, before := kubetest.Value(job, pod+"initContainers[0]")
	require.False(t, before)
	require.Equal(t, other, kubetest.Text(job, pod+"containers[0].image"))
}

// Turning it on restarts no shard.
func TestVerificationRestartsNothing(t *testing.T) {
	args := &Args{Shards: []int{0}}
	withVerify(args)
	with, _ := kubetest.Value(run(t, args).Get(t, "StatefulSet", "postgres-shard-0"), "spec.template")
	args.Backup.Verify = nil
	without, _ := kubetest.Value(run(t, args).Get(t, "StatefulSet", "postgres-shard-0"), "spec.template")
	require.Equal(t, without.Mappable(), with.Mappable())
}

// verify runs the program as its pod does, on an empty volume.
func (s *shard) verify(store *store, shards ...int) (string, error) {
	s.t.Helper()
	return s.verifyWith(store.args(nil), shards...)
}

func (s *shard) verifyWith(args *Args, shards ...int) (string, error) {
	args.Shards, args.Backup.Verify = shards, &Verify{}
	p := plan{Args: args.withDefaults(), component: "postgres"}
	s.configure(args)
	for _, name := range []string{"verify.py", "verify.json"} {
		s.write(name, string(verifyFiles(p).Data.(pulumi.StringMap)[name].(pulumi.String)))
	}
	require.NoError(s.t, os.RemoveAll(s.at("scratch")))
	s.newFolder("scratch")
	cmd := s.pythonCommand(s.at("verify.py"))
	cmd.Env = append(cmd.Env, "PGDATA="+s.at("scratch/pgdata"))
	output, err := cmd.CombinedOutput()
	return string(output), err
}

// written is a shard that runs, with rows from before and after its base backup.
func written(t *testing.T, store *store) *shard {
	t.Helper()
	s := store.backed(t)
	s.requireBootstrap()
	s.start()
	s.fill(1, 1000)
	s.base()
	s.fill(1001, 2000)
	return s
}

// kept is such a shard that has ended.
func kept(t *testing.T, store *store) *shard {
	t.Helper()
	s := written(t, store)
	s.end(syscall.SIGINT)
	return s
}

func TestAnArchiveIsVerified(t *testing.T) {
	store := newStore(t)
	s := kept(t, store)
	output, err := s.verify(store, 0, 1)
	require.NoError(t, err, output)
	require.Contains(t, output, "shard-1 has its turn later: restore verify: there is no archive s3://backups/prod/postgres-shard-1")
	require.Contains(t, output, "verify: shard-0: base backup ")
	text, err := os.ReadFile(filepath.Join(store.folder, "backups/prod/postgres-shard-0/verified.json"))
	require.NoError(t, err)
	var result struct{ At, Tables, Rows int }
	require.NoError(t, json.Unmarshal(text, &result))
	require.Greater(t, result.Rows, 2000, "the log after the base backup, too")
	entries, err := os.ReadDir(s.at("scratch"))
	require.NoError(t, err)
	require.Empty(t, entries, "nothing stays")

	// The container backup tells it.
	metrics, err := s.python("-c", "import sys; sys.path.insert(0, '"+s.folder+"'); import backup\n"+
		"b = backup.Backups(); b.settings = backup.bucket.read_settings(); b.list(); print(b.metrics())")
	require.NoError(t, err, metrics)
	require.Contains(t, metrics, `scalestack_backup_verify_interval_seconds{shard="shard-0"} 172800`)
	require.Contains(t, metrics, fmt.Sprintf(`scalestack_backup_verified_timestamp_seconds{shard="shard-0"} %d`, result.At))
}

// What cannot be read is not noted as verified, wherever it is broken.
func TestABrokenArchiveIsNotVerified(t *testing.T) {
	for what, broken := range map[string]struct {
		breaks func(t *testing.T, archive string)
		want   string
	}{
		"a page": {func(t *testing.T, archive string) {
			change(t, archive+"/base/*/data.tar", func(text []byte) []byte { return bytes.Replace(text, []byte("note 500"), []byte("note 5oo"), 1) })
		}, "invalid page"},
		"a file of the log": {func(t *testing.T, archive string) {
			change(t, archive+"/wals/*/*.gz", func([]byte) []byte { return nil })
		}, "verify: restore verify: "},
		"the base backup": {func(t *testing.T, archive string) {
			change(t, archive+"/base/*/data.tar", func(text []byte) []byte { return text[:len(text)/2] })
		}, "verify: "},
	} {
		t.Run(what, func(t *testing.T) {
			store := newStore(t)
			s := kept(t, store)
			archive := filepath.Join(store.folder, "backups/prod/postgres-shard-0")
			broken.breaks(t, archive)
			output, err := s.verify(store, 0)
			require.Error(t, err, output)
			require.Contains(t, output, broken.want)
			require.NoFileExists(t, filepath.Join(archive, "verified.json"))
		})
	}
}

// change rewrites objects in their place.
func change(t *testing.T, pattern string, do func([]byte) []byte) {
	t.Helper()
	found, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, found, pattern)
	for _, name := range found {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		changed := do(text)
		require.NotEqual(t, text, changed, name)
		require.NoError(t, os.WriteFile(name, changed, 0o600))
	}
}

// The shard has its turn that was tried longest ago, or never.
func TestEachShardHasItsTurn(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"bucket.py": bucketProgram, "datadir.py": dataDirProgram, "restore.py": restoreProgram, "replay.py": replayProgram, "verify.py": verifyProgram, "segments.py": segmentsProgram} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	for verified, want := range map[string]string{
		`{"a": 3, "b": 2, "c": 5}`: "b",
		`{"a": 3, "b": 2, "c": 0}`: "c",
		`{"a": 3, "b": null}`:      "a",
	} {
		program := fmt.Sprintf("import sys, json; sys.path.insert(0, %q); import verify\nknown = json.loads('%s')\n"+
			"def source(asked):\n  if known[asked.ask['from']] is None: asked.refuse('there is no archive')\n  return asked.ask['from']\n"+
			"verify.Verification.source = source\nverify.last_turn = known.get\n"+
			"print(verify.longest_ago({}, {name: name for name in known}, '/none')[0], end='')", dir, verified)
		output, err := exec.Command("python3", "-I", "-c", program).Output()
		require.NoError(t, err)
		require.Equal(t, want, string(output), verified)
	}
}

// A shard whose archive cannot be verified keeps its day only, and stays unverified.
func TestABrokenArchiveKeepsNoOtherShardUnverified(t *testing.T) {
	store := newStore(t)
	s := kept(t, store)
	root := filepath.Join(store.folder, "backups/prod")
	require.NoError(t, os.CopyFS(root+"/postgres-shard-1", os.DirFS(root+"/postgres-shard-0")))
	change(t, root+"/postgres-shard-0/base/*/data.tar", func(text []byte) []byte { return text[:len(text)/2] })

	output, err := s.verify(store, 0, 1)
	require.Error(t, err, output)
	require.Contains(t, output, "verify: shard-0 has its turn")
	output, err = s.verify(store, 0, 1)
	require.NoError(t, err, output)
	require.Contains(t, output, "verify: shard-1: base backup ")
	require.FileExists(t, root+"/postgres-shard-1/verified.json")

	output, err = s.verify(store, 0, 1)
	require.Error(t, err, output)
	require.Contains(t, output, "verify: shard-0 has its turn")
	require.NoFileExists(t, root+"/postgres-shard-0/verified.json")
	require.NotContains(t, strings.Join(store.files("prod/postgres-shard-0"), " "), "tried", "no archive has a file of ours without an owner")
}

// An image whose shard cannot be verified keeps the ones after it from nothing, and the pod fails.
func TestEveryImageHasItsTurn(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "python3"), []byte("#!/bin/sh\necho \"$ARCHIVES\" >>\"$HOME/ran\"\n[ \"$ARCHIVES\" != \"$BREAKS\" ]\n"), 0o755))
	for breaks, fails := range map[string]bool{"none": false, "first.json": true, "last.json": true} {
		home := t.TempDir()
		run := func(script, archives string) error {
			cmd := exec.Command("sh", "-c", script)
			cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "CONFIG=/none", "HOME=" + home, "ARCHIVES=" + archives, "BREAKS=" + breaks}
			return cmd.Run()
		}
		require.NoError(t, run(verifyFirst, "first.json"), breaks)
		require.Equal(t, fails, run(verifyLast, "last.json") != nil, breaks)
		ran, err := os.ReadFile(filepath.Join(home, "ran"))
		require.NoError(t, err)
		require.Equal(t, "first.json\nlast.json\n", string(ran))
	}
}

// Limits for the shard's clients are none for its backups.
func TestTimeoutsOfClientsEndNoBackup(t *testing.T) {
	store := newStore(t)
	s := store.backed(t)
	args := store.args(nil)
	args.Settings = map[string]string{"statement_timeout": "40ms", "idle_session_timeout": "40ms", "lock_timeout": "40ms"}
	s.requireBootstrap()
	s.start()
	s.fill(1, 300000)
	s.exec("ALTER ROLE postgres SET statement_timeout = '40ms'; ALTER ROLE postgres SET idle_session_timeout = '40ms'")
	s.base()
	s.end(syscall.SIGINT)
	output, err := s.verifyWith(args, 0)
	require.NoError(t, err, output)
}
