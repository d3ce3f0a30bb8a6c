package postgres

import (
	"strconv"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

const (
	// rolloutLength of a rollout and of a Job's hash leaves a component's name as much
	// room as the longest other object name.
	rolloutLength = 8
	rolloutPath   = "/etc/rollout"
	// imageSeconds are for the image, before a Job can wait for anything.
	imageSeconds = 300
)

// rolloutJob runs rollout.sh with the placement of plan's shard.
type rolloutJob struct {
	plan
	// object is the Job's name without the hash.
	object string
	// check reads the new configuration, and compares the image's version with that of the
	// shard's data, before anything else.
	check bool
	// held: wait for nothing as long as plan's own pod does not exist.
	held bool
	// shards to wait for.
	shards []rolledShard
	// archive: look at the archives instead, see archiving.py.
	archive string
	// clients: wait until no client of the shards is without TLS, see clients.sh.
	clients bool
	// last: also wait until a smaller number of connections has reached every member, and a new password every server.
	last bool
	// revision makes a new Job when it changes.
	revision pulumi.StringInput
}

func rolloutLabels(component, instance string) kube.Labels {
	return kube.Labels{Name: component + "-rollout", Instance: instance}
}

// rolloutPods are the labels of all rollout Jobs' pods. They share no label with the
// shards that the disruption budget or the spread selects by.
func rolloutPods(component string) pulumi.StringMap { return PodLabels(component + "-rollout") }

func rolloutFiles(component string, a *Args) *corev1.ConfigMapArgs {
	files := &corev1.ConfigMapArgs{
		Metadata: rolloutLabels(component, component+"-rollout").Meta(component+"-rollout", a.Namespace),
		Data: pulumi.StringMap{
			"rollout.sh":      pulumi.String(rolloutProgram(a)),
			"postgresql.conf": pulumi.String(serverConfig(a)),
		},
	}
	for name, text := range archivingFiles(component, a) {
		files.Data.(pulumi.StringMap)[name] = pulumi.String(text)
	}
	if a.Members > 1 {
		files.Data.(pulumi.StringMap)["paused.py"] = pulumi.String(pausedProgram)
		files.Data.(pulumi.StringMap)["rest.py"] = pulumi.String(restProgram)
	}
	if a.TLS != nil {
		files.Data.(pulumi.StringMap)["tls.sh"] = pulumi.String(tlsScript(a))
		files.Data.(pulumi.StringMap)["clients.sh"] = pulumi.String(clientsProgram())
	}
	return files
}

func newRolloutPolicy(r *registrar) (*networkingv1.NetworkPolicy, error) {
	shards := k8s.Peer{Pods: PodLabels(r.name)}
	policy := kube.Policy{To: []k8s.Target{{Peer: shards, Port: Port}}, Resolvers: r.args.Resolvers}
	if r.args.Members > 1 {
		policy.To = append(policy.To, k8s.Target{Peer: shards, Port: restPort})
	}
	return networkingv1.NewNetworkPolicy(r.ctx, r.name+"-rollout-policy", &networkingv1.NetworkPolicyArgs{
		Metadata: rolloutLabels(r.name, r.name+"-rollout").Meta(r.name+"-rollout", r.args.Namespace),
		Spec:     policy.Spec(rolloutPods(r.name)),
	}, r.parent)
}

// job registers a rollout Job. The old one goes first: otherwise a deployment that
// is taken back would adopt the Job that it then deletes as the old one.
func (r *registrar) job(name string, j rolloutJob, needs []pulumi.Resource) (*batchv1.Job, error) {
	return batchv1.NewJob(r.ctx, name, j.args(), r.parent, pulumi.DeleteBeforeReplace(true), pulumi.DependsOn(needs))
}

// args never let Kubernetes repeat or remove the Job: a failed one is replaced by
// the next deployment, one that ended well stays as it is.
func (j rolloutJob) args() *batchv1.JobArgs {
	labels := rolloutLabels(j.component, j.object)
	meta := labels.Meta(j.object, j.Namespace)
	meta.Name = j.name()
	meta.Annotations = kube.AwaitJob(j.deadline())
	return &batchv1.JobArgs{
		Metadata: meta,
		Spec: &batchv1.JobSpecArgs{
			BackoffLimit:          pulumi.Int(0),
			ActiveDeadlineSeconds: pulumi.Int(j.deadline()),
			PodFailurePolicy:      kube.IgnoreDisruptions(),
			Template: &corev1.PodTemplateSpecArgs{
				Metadata: &metav1.ObjectMetaArgs{Labels: labels.All()},
				Spec:     j.podSpec(),
			},
		},
	}
}

// image is the shard's where the Job reads the shard's configuration with it. A Job that
// only asks servers is about no one shard.
func (j rolloutJob) image() pulumi.StringInput {
	if j.check || j.archive != "" {
		return j.plan.image()
	}
	return j.Image
}

// patience is how many seconds the Job's program waits.
func (j rolloutJob) patience() int {
	switch j.archive {
	case archiveBefore:
		return bucketSeconds
	case archiveAfter:
		return min(archivedSeconds, j.RolloutTimeoutSeconds)
	}
	return j.RolloutTimeoutSeconds
}

func (j rolloutJob) deadline() int {
	if len(j.shards) == 0 {
		return imageSeconds
	}
	return imageSeconds + j.RolloutTimeoutSeconds
}

// name changes with everything that the Job judges by.
func (j rolloutJob) name() pulumi.StringOutput {
	return j.sum().ApplyT(func(sum string) string { return j.object + "-" + sum[:rolloutLength] }).(pulumi.StringOutput)
}

// sum leaves out of the Job that looks for clients what is not about them: a setting or an
// image may be what repairs a shard that it would ask.
func (j rolloutJob) sum() pulumi.StringOutput {
	if j.clients {
		return kube.Checksum(pulumi.String(clientsProgram()), j.awaited())
	}
	return kube.Checksum(pulumi.String(rolloutProgram(j.Args)), pulumi.String(serverConfig(j.Args)+j.tlsRevision()),
		j.image(), j.awaited(), j.revision)
}

// awaited has a line for each shard, as rollout.sh reads them.
func (j rolloutJob) awaited() pulumi.StringOutput {
	text := pulumi.Sprintf("")
	for _, s := range j.shards {
		text = pulumi.Sprintf("%s%s %s %d %s %s\n", text, s.name(), s.podHost(), Port, Database(s.id), s.rollout)
	}
	return text
}

// restAddresses are those of all members of the shard whose change is held up.
func (j rolloutJob) restAddresses() pulumi.StringOutput {
	text := pulumi.Sprintf("")
	for i := range j.Members {
		text = pulumi.Sprintf("%s%s:%d ", text, j.of(i).podHost(), restPort)
	}
	return text
}

// asked are the servers that the Job logs in to.
func (j rolloutJob) asked() []plan {
	var all []plan
	for _, s := range j.shards {
		all = append(all, s.plan)
	}
	if j.check {
		all = append(all, j.plan)
	}
	return all
}

func (j rolloutJob) podSpec() *corev1.PodSpecArgs {
	spec := jobPodSpec(j.plan)
	spec.Containers = corev1.ContainerArray{j.container()}
	spec.Volumes = corev1.VolumeArray{
		&corev1.VolumeArgs{
			Name:      pulumi.String("files"),
			ConfigMap: &corev1.ConfigMapVolumeSourceArgs{Name: pulumi.String(j.component + "-rollout")},
		},
		kube.EmptyDir("tmp", "16Mi"),
	}
	spec.Volumes = append(spec.Volumes.(corev1.VolumeArray), j.tlsVolumes()...)
	for _, p := range j.asked() {
		spec.Volumes = append(spec.Volumes.(corev1.VolumeArray), j.credentials(p))
	}
	if j.archive == archiveBefore {
		j.writesBucket(spec)
	}
	return spec
}

func (j rolloutJob) container() *corev1.ContainerArgs {
	c := container(j.plan, "rollout", j.command()...)
	c.Image = j.image().ToStringOutput()
	c.Resources = kube.Resources(k8s.Resources{CPURequest: "20m", CPULimit: "500m", Memory: "64Mi"})
	c.VolumeMounts = append(corev1.VolumeMountArray{kube.ReadOnlyMount("files", rolloutPath), kube.Mount("tmp", "/tmp")}, tlsMounts(j.plan)...)
	for _, p := range j.asked() {
		c.VolumeMounts = append(c.VolumeMounts.(corev1.VolumeMountArray),
			kube.ReadOnlyMount(p.name(), credentialsPath+"/"+p.name()))
	}
	c.Env = j.env()
	return c
}

func (j rolloutJob) env() corev1.EnvVarArray {
	all := corev1.EnvVarArray{
		env("ROLE", j.role()),
		env("CREDENTIALS", credentialsPath),
		env("SCRATCH", "/tmp"),
		env("PATIENCE", strconv.Itoa(j.patience())),
		&corev1.EnvVarArgs{Name: pulumi.String("SHARDS"), Value: j.awaited()},
	}
	if j.check {
		own := pulumi.Sprintf("%s %s %d %s", j.plan.name(), j.podHost(), Port, Database(j.id))
		all = append(all, env("CONFIG", rolloutPath+"/postgresql.conf"), &corev1.EnvVarArgs{Name: pulumi.String("OWN"), Value: own})
	}
	if j.check && j.replicated() {
		all = append(all, &corev1.EnvVarArgs{Name: pulumi.String("ADDRESSES"), Value: j.restAddresses()})
	}
	if j.held {
		all = append(all, &corev1.EnvVarArgs{Name: pulumi.String("HELD"), Value: j.podHost()})
	}
	if j.archive != "" {
		all = append(all, j.archivingEnv()...)
	}
	if j.last && j.replicated() {
		all = append(all, env("EXCESS", excess(j.Args)))
	}
	if j.last && j.hasFormer() {
		all = append(all, env("ROTATION", strconv.Itoa(j.PasswordRotation)))
	}
	return append(all, j.tlsEnv()...)
}
