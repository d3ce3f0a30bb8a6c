package postgres

import (
	_ "embed"
	"slices"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

//go:embed archiving.py
var archivingProgram string

const (
	archiveBefore = "before"
	archiveAfter  = "after"
	// bucketSeconds are for credentials and rules that are as new as the Job.
	bucketSeconds = 60
	// archivedSeconds are for a changed ConfigMap to reach the pods, and for the minute after
	// which PostgreSQL tries again what failed.
	archivedSeconds = 300
	archivesFile    = "archives.json"
)

// bucketRevision changes with all that decides whether the shards can write their archives.
// It is the same for all shards.
func (p plan) bucketRevision() string {
	b := p.Backup
	return kube.Sum(document(object{
		"bucket": b.Bucket, "endpoint": b.Endpoint, "region": b.Region, "encryption": b.Encryption, "kmsKey": b.KMSKey,
		"secret": b.CredentialsSecret, "account": b.ServiceAccountAnnotations, "archive": b.Archive,
	}))[:rolloutLength]
}

// archivesDocument has each shard's archive, and the restore that it is asked for.
func archivesDocument(component string, a *Args) string {
	all := object{}
	for _, id := range a.Shards {
		p := plan{Args: a, component: component, id: id}
		one := object{"archive": p.archiveName()}
		if p.restores() {
			one["restore"] = p.restoreAsked()
		}
		all[ShardName(id)] = one
	}
	return document(all)
}

// archivingFiles are what archiving.py is made of and reads; none without backups.
func archivingFiles(component string, a *Args) map[string]string {
	if a.Backup == nil {
		return nil
	}
	return map[string]string{
		"archiving.py": archivingProgram, "bucket.py": bucketProgram, "datadir.py": dataDirProgram,
		"backup.json": backupFiles(plan{Args: a, component: component, id: a.Shards[0]})["backup.json"],
		archivesFile:  archivesDocument(component, a),
	}
}

// archivingJob runs archiving.py as the first shard's pods run.
func (r *registrar) archivingJob(object, archive string) rolloutJob {
	first := plan{Args: r.args, component: r.name, id: r.args.Shards[0]}
	return rolloutJob{
		plan: first, object: object, archive: archive, shards: r.everyMember(),
		revision: pulumi.String(first.bucketRevision() + archivesDocument(r.name, r.args) + archivingProgram + bucketProgram + dataDirProgram),
	}
}

// bucket registers the Job that tries the bucket before any shard is told of it.
func (r *registrar) bucket() error {
	if r.args.Backup == nil {
		return nil
	}
	name := r.name + "-bucket"
	job := r.archivingJob(name, archiveBefore)
	policy, err := networkingv1.NewNetworkPolicy(r.ctx, name+"-policy", bucketPolicy(job.plan, name), r.parent)
	if err != nil {
		return err
	}
	needs := append(slices.Clone(r.watch), policy)
	if job.ownAccount() {
		account, err := r.account(job.plan)
		if err != nil {
			return err
		}
		needs = append(needs, account)
	}
	made, err := r.job(name, job, needs)
	if err != nil {
		return err
	}
	r.watch, r.ready = append(r.watch, made), append(r.ready, made)
	return r.bucketEgress()
}

// bucketEgress registers the shards' access to the bucket, after the Job has tried it.
// Another bucket is another policy: Pulumi deletes the former one at the very end, and
// until then the shards that still archive there may do so.
func (r *registrar) bucketEgress() error {
	revision := r.args.Backup.egressRevision()
	object := r.name + "-bucket-" + revision
	policy, err := networkingv1.NewNetworkPolicy(r.ctx, r.name+"-bucket-egress-"+revision, &networkingv1.NetworkPolicyArgs{
		Metadata: componentLabels(r.name).Meta(object, r.args.Namespace),
		Spec: &networkingv1.NetworkPolicySpecArgs{
			PodSelector: kube.Match(PodLabels(r.name)),
			PolicyTypes: pulumi.ToStringArray([]string{"Egress"}),
			Egress:      r.args.Backup.egress(),
		},
	}, r.parent, pulumi.DependsOn(r.ready))
	r.opened = []pulumi.Resource{policy}
	return err
}

// archived registers the Job that ends a deployment of shards with backups: it waits
// until each shard has archived with its new settings.
func (r *registrar) archived(rolledOut *batchv1.Job) (*batchv1.Job, error) {
	if r.args.Backup == nil {
		return rolledOut, nil
	}
	return r.job(r.name+"-archived", r.archivingJob(r.name+"-archived", archiveAfter), append(slices.Clone(r.watch), rolledOut))
}

// account registers the ServiceAccount of the shard's pods, once. The first shard's is also
// that of the Job that tries the bucket; the others' change after it.
func (r *registrar) account(p plan) (*corev1.ServiceAccount, error) {
	if made, known := r.accounts[p.id]; known {
		return made, nil
	}
	made, err := corev1.NewServiceAccount(r.ctx, p.object()+"-account", account(p), r.parent, pulumi.DependsOn(r.ready))
	if err != nil {
		return nil, err
	}
	if r.accounts == nil {
		r.accounts = map[int]*corev1.ServiceAccount{}
	}
	r.accounts[p.id] = made
	return made, nil
}

// bucketPolicy lets the Job's pod reach the bucket, as the shards may. That it may ask the
// shards is in the policy of all rollout Jobs.
func bucketPolicy(p plan, name string) *networkingv1.NetworkPolicyArgs {
	labels := rolloutLabels(p.component, name)
	return &networkingv1.NetworkPolicyArgs{Metadata: labels.Meta(name, p.Namespace), Spec: bucketOnly(p, labels.Selector())}
}

// bucketOnly lets pods reach the bucket, and nobody them.
func bucketOnly(p plan, pods pulumi.StringMap) *networkingv1.NetworkPolicySpecArgs {
	spec := kube.Policy{Resolvers: p.Resolvers}.Spec(pods)
	spec.Egress = append(spec.Egress.(networkingv1.NetworkPolicyEgressRuleArray), p.Backup.egress()...)
	return spec
}

// writesBucket gives the Job's pod the identity and the credentials of the shards' pods.
func (j rolloutJob) writesBucket(spec *corev1.PodSpecArgs) {
	if j.ownAccount() {
		spec.ServiceAccountName = pulumi.String(j.plan.object())
	}
	c := spec.Containers.(corev1.ContainerArray)[0].(*corev1.ContainerArgs)
	// As much as the program that archives needs beside a server.
	c.Resources = kube.Resources(k8s.Resources{CPURequest: "20m", CPULimit: "500m", Memory: "192Mi"})
	j.Backup.addCredentials(spec)
	j.Backup.mountCredentials(c)
}

func (j rolloutJob) archivingEnv() corev1.EnvVarArray {
	return corev1.EnvVarArray{env("CONFIG", rolloutPath), env("HOME", "/tmp")}
}
