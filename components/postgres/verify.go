package postgres

import (
	_ "embed"
	"fmt"
	"slices"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

// Verify is a CronJob "<component>-verify" that restores the newest base backup of one
// shard with all later log, in its own pod and on its own volume, which are as large as
// a shard's and are deleted afterwards. It reads every row and writes the result to the
// archive; the alert BackupNotVerified watches its age. The shards take turns: the one
// that was tried longest ago comes first. Nothing that is running changes, and nobody
// can reach what is restored.
//
// Shards with different images take turns separately, one shard of each image a day,
// one after the other: only a server of the archive's version can read it.
type Verify struct {
	// AtHour of each day, in UTC, 17 minutes after it.
	AtHour *int `json:"atHour" pulumi:"atHour,optional" default:"3" min:"0" max:"23"`
}

//go:embed verify.py
var verifyProgram string

const (
	daySeconds = 24 * 3600
	verifyFile = "verify.json"
)

func verifyName(component string) string { return component + "-verify" }

func verifyLabels(component string) kube.Labels {
	return kube.Labels{Name: verifyName(component), Instance: verifyName(component)}
}

// verification registers the CronJob and what its pods need.
func (r *registrar) verification() error {
	if r.args.Backup == nil || r.args.Backup.Verify == nil {
		return nil
	}
	p := plan{Args: r.args, component: r.name, id: r.args.Shards[0]}
	name := verifyName(r.name)
	policy, err := networkingv1.NewNetworkPolicy(r.ctx, name+"-policy", verifyPolicy(p), r.parent)
	if err != nil {
		return err
	}
	account, err := corev1.NewServiceAccount(r.ctx, name+"-account", verifyAccount(p), r.parent)
	if err != nil {
		return err
	}
	files, err := corev1.NewConfigMap(r.ctx, name+"-files", verifyFiles(p), r.parent)
	if err != nil {
		return err
	}
	_, err = batchv1.NewCronJob(r.ctx, name, verifyJob(p), r.parent, pulumi.DependsOn([]pulumi.Resource{policy, account, files}))
	return err
}

// sameImage are shards with one image.
type sameImage []plan

// verified are all shards, by their images, in the order of their first ids.
func (p plan) verified() []sameImage {
	var all []sameImage
	for _, id := range p.Shards {
		one := p
		one.id = id
		i := slices.IndexFunc(all, func(s sameImage) bool { return s[0].image() == one.image() })
		if i < 0 {
			i, all = len(all), append(all, nil)
		}
		all[i] = append(all[i], one)
	}
	return all
}

// file names the shards' archives. That of all shards has the program's own name for it.
func (s sameImage) file() string {
	if len(s) == len(s[0].Shards) {
		return verifyFile
	}
	return "verify-" + ShardName(s[0].id) + ".json"
}

func (s sameImage) archives() pulumi.String {
	archives := object{}
	for _, one := range s {
		archives[ShardName(one.id)] = one.archiveName()
	}
	return pulumi.String(document(archives))
}

// verifyFiles are a shard's, with the names of all shards' archives.
func verifyFiles(p plan) *corev1.ConfigMapArgs {
	data := pulumi.StringMap{"verify.py": pulumi.String(verifyProgram), "postgresql.conf": pulumi.String(serverConfig(p.Args))}
	for _, shards := range p.verified() {
		data[shards.file()] = shards.archives()
	}
	for name, text := range backupFiles(p) {
		data[name] = pulumi.String(text)
	}
	return &corev1.ConfigMapArgs{Metadata: verifyLabels(p.component).Meta(verifyName(p.component), p.Namespace), Data: data}
}

func verifyAccount(p plan) *corev1.ServiceAccountArgs {
	made := account(p)
	meta := verifyLabels(p.component).Meta(verifyName(p.component), p.Namespace)
	meta.Annotations = made.Metadata.(*metav1.ObjectMetaArgs).Annotations
	made.Metadata = meta
	return made
}

// verifyPolicy lets the pods reach the bucket, and nobody them.
func verifyPolicy(p plan) *networkingv1.NetworkPolicyArgs {
	return &networkingv1.NetworkPolicyArgs{
		Metadata: verifyLabels(p.component).Meta(verifyName(p.component), p.Namespace),
		Spec:     bucketOnly(p, PodLabels(verifyName(p.component))),
	}
}

// verifyJob keeps no pod beside another, and the last one for some hours: its log says what
// was wrong.
func verifyJob(p plan) *batchv1.CronJobArgs {
	labels := verifyLabels(p.component)
	return &batchv1.CronJobArgs{
		Metadata: labels.Meta(verifyName(p.component), p.Namespace),
		Spec: &batchv1.CronJobSpecArgs{
			Schedule: pulumi.String(fmt.Sprintf("17 %d * * *", *p.Backup.Verify.AtHour)), TimeZone: pulumi.String("Etc/UTC"),
			ConcurrencyPolicy: pulumi.String("Forbid"), StartingDeadlineSeconds: pulumi.Int(daySeconds / 4),
			SuccessfulJobsHistoryLimit: pulumi.Int(1), FailedJobsHistoryLimit: pulumi.Int(1),
			JobTemplate: &batchv1.JobTemplateSpecArgs{Spec: &batchv1.JobSpecArgs{
				BackoffLimit: pulumi.Int(0), ActiveDeadlineSeconds: pulumi.Int(daySeconds / 2), TtlSecondsAfterFinished: pulumi.Int(daySeconds / 4),
				PodFailurePolicy: kube.IgnoreDisruptions(),
				Template:         &corev1.PodTemplateSpecArgs{Metadata: &metav1.ObjectMetaArgs{Labels: labels.All()}, Spec: verifyPod(p)},
			}},
		},
	}
}

// verifyPod is placed as a shard is, and of no priority: it must not take the place of what
// serves users.
func verifyPod(p plan) *corev1.PodSpecArgs {
	spec := jobPodSpec(p)
	spec.PriorityClassName = nil
	spec.ServiceAccountName = pulumi.String(verifyName(p.component))
	claim := volumeClaim(p).Spec
	volumes := corev1.VolumeArray{
		&corev1.VolumeArgs{Name: pulumi.String("data"), Ephemeral: &corev1.EphemeralVolumeSourceArgs{
			VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplateArgs{Spec: claim.(*corev1.PersistentVolumeClaimSpecArgs)},
		}},
		&corev1.VolumeArgs{Name: pulumi.String("files"), ConfigMap: &corev1.ConfigMapVolumeSourceArgs{Name: pulumi.String(verifyName(p.component))}},
		kube.EmptyDir("tmp", "512Mi"), kube.MemoryDir("shm", fmt.Sprintf("%dMi", tuning(p.Args).SharedMemoryVolume/miB)),
	}
	spec.Volumes = volumes
	p.Backup.addCredentials(spec)
	// They share the volume, and each leaves it empty: all but the last one run before it.
	groups, before := p.verified(), corev1.ContainerArray{}
	last := len(groups) - 1
	for _, shards := range groups[:last] {
		c := shards.container("sh", "-c", verifyFirst)
		c.Name = pulumi.String("verify-" + ShardName(shards[0].id))
		before = append(before, c)
	}
	command := []string{"python3", "-I", configPath + "/verify.py"}
	if last > 0 {
		spec.InitContainers, command = before, []string{"sh", "-c", verifyLast}
	}
	spec.Containers = corev1.ContainerArray{groups[last].container(command...)}
	return spec
}

// An init container that fails would end the pod, and the images after it would never have
// their turns. So the last one fails for all.
const (
	verifyFirst = `python3 -I "$CONFIG/verify.py" || echo "$ARCHIVES" >>"$HOME/failed"`
	verifyLast  = `python3 -I "$CONFIG/verify.py" || ended=$?
[ ! -e "$HOME/failed" ] || { echo "verify: $(cat "$HOME/failed") failed, see the init containers" >&2; exit 1; }
exit "${ended:-0}"`
)

func (s sameImage) container(command ...string) *corev1.ContainerArgs {
	c := container(s[0], "verify", command...)
	c.Env = corev1.EnvVarArray{env("PGDATA", dataPath), env("CONFIG", configPath), env("HOME", "/tmp")}
	if s.file() != verifyFile {
		c.Env = append(c.Env.(corev1.EnvVarArray), env("ARCHIVES", s.file()))
	}
	c.VolumeMounts = corev1.VolumeMountArray{
		kube.Mount("data", volumePath), kube.ReadOnlyMount("files", configPath), kube.Mount("tmp", "/tmp"), kube.Mount("shm", "/dev/shm"),
	}
	s[0].Backup.mountCredentials(c)
	return c
}
