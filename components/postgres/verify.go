package postgres

import (
	_ "embed"
	"fmt"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

// Verify is a CronJob "<component>-verify" that restores the newest base backup of one shard
// with all log after it, in a pod and on a volume of its own, which are as large as a
// shard's and go afterwards. It reads every row and writes the result to the archive, whose
// age BackupNotVerified tells. Each shard has its turn, the one first that was verified
// longest ago. Nothing that runs changes by it, and what it restores reaches nobody.
type Verify struct {
	// AtHour of each day, in UTC, 17 minutes after it.
	AtHour *int `json:"atHour" pulumi:"atHour,optional" default:"3" min:"0" max:"23"`
}

//go:embed verify.py
var verifyProgram string

const daySeconds = 24 * 3600

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

// verifyFiles are a shard's, with the names of all shards' archives.
func verifyFiles(p plan) *corev1.ConfigMapArgs {
	archives := object{}
	for _, id := range p.Shards {
		one := p
		one.id = id
		archives[ShardName(id)] = one.archiveName()
	}
	data := pulumi.StringMap{
		"verify.py": pulumi.String(verifyProgram), "verify.json": pulumi.String(document(archives)), "postgresql.conf": pulumi.String(serverConfig(p.Args)),
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
	policy := &networkingv1.NetworkPolicyArgs{
		Metadata: verifyLabels(p.component).Meta(verifyName(p.component), p.Namespace),
		Spec:     kube.Policy{Resolvers: p.Resolvers}.Spec(PodLabels(verifyName(p.component))),
	}
	bucket := *p.Backup
	bucket.MetricsFrom = nil
	openForBackup(policy, &bucket)
	return policy
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

// verifyPod is placed as a shard is.
func verifyPod(p plan) *corev1.PodSpecArgs {
	spec := jobPodSpec(p)
	spec.ServiceAccountName = pulumi.String(verifyName(p.component))
	claim := volumeClaim(p).Spec
	c := container(p, "verify", "python3", "-I", configPath+"/verify.py")
	c.Env = corev1.EnvVarArray{env("PGDATA", dataPath), env("CONFIG", configPath), env("HOME", "/tmp")}
	c.VolumeMounts = corev1.VolumeMountArray{
		kube.Mount("data", volumePath), kube.ReadOnlyMount("files", configPath), kube.Mount("tmp", "/tmp"), kube.Mount("shm", "/dev/shm"),
	}
	volumes := corev1.VolumeArray{
		&corev1.VolumeArgs{Name: pulumi.String("data"), Ephemeral: &corev1.EphemeralVolumeSourceArgs{
			VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplateArgs{Spec: claim.(*corev1.PersistentVolumeClaimSpecArgs)},
		}},
		&corev1.VolumeArgs{Name: pulumi.String("files"), ConfigMap: &corev1.ConfigMapVolumeSourceArgs{Name: pulumi.String(verifyName(p.component))}},
		kube.EmptyDir("tmp", "512Mi"), kube.MemoryDir("shm", fmt.Sprintf("%dMi", tuning(p.Args).SharedMemoryVolume/miB)),
	}
	if p.Backup.CredentialsSecret != "" {
		c.VolumeMounts = append(c.VolumeMounts.(corev1.VolumeMountArray), kube.ReadOnlyMount("backup-credentials", bucketCredentialsPath))
		volumes = append(volumes, kube.SecretVolume("backup-credentials", p.Backup.CredentialsSecret))
	}
	spec.Containers, spec.Volumes = corev1.ContainerArray{c}, volumes
	return spec
}
