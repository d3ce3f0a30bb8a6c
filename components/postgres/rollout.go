package postgres

import (
	_ "embed"
	"encoding/json"
	"slices"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/scalestack/scalestack/components/internal/kube"
)

//go:embed rollout.sh
var rolloutScript string

// rolledShard is a shard with the name of what its pod is to run.
type rolledShard struct {
	plan
	rollout pulumi.StringOutput
	// app is the Secret with which a rollout Job asks the shard.
	app *corev1.Secret
}

// rollout names the shard's pod template with all that the checksum covers. It
// changes exactly when Kubernetes replaces the pod, so a server that tells it runs
// what was deployed. It is no secret: the passwords that go into it have 190 bits.
func rollout(p plan, checksum pulumi.StringInput) pulumi.StringOutput {
	p = p.canonical()
	template := &corev1.PodTemplateSpecArgs{Metadata: podMeta(p, checksum), Spec: podSpec(p)}
	// The other members' templates differ from the first's by names that never change.
	sum := template.ToPodTemplateSpecOutput().ApplyT(templateSum).(pulumi.StringOutput)
	return pulumi.Unsecret(sum).(pulumi.StringOutput)
}

// canonical writes quantities as Kubernetes stores them: "1000m" in place of "1"
// replaces no pod.
func (p plan) canonical() plan {
	args := *p.Args
	quantities := []*string{&args.Resources.CPURequest, &args.Resources.CPULimit, &args.Resources.Memory}
	if args.Backup != nil {
		backup := *args.Backup
		args.Backup = &backup
		quantities = append(quantities, &backup.Resources.CPURequest, &backup.Resources.CPULimit, &backup.Resources.Memory)
	}
	for _, quantity := range quantities {
		if parsed, err := resource.ParseQuantity(*quantity); err == nil {
			*quantity = parsed.String()
		}
	}
	p.Args = &args
	return p
}

// templateSum leaves out what is empty, or a field that a newer SDK knows would
// change every sum.
func templateSum(template corev1.PodTemplateSpec) (string, error) {
	text, err := json.Marshal(template)
	if err != nil {
		return "", err
	}
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		return "", err
	}
	text, err = json.Marshal(withoutEmpty(document))
	return kube.Sum(string(text))[:rolloutLength], err
}

func withoutEmpty(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			if v[key] = withoutEmpty(item); v[key] == nil {
				delete(v, key)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i, item := range v {
			v[i] = withoutEmpty(item)
		}
		if len(v) == 0 {
			return nil
		}
	}
	return value
}

// watcher registers what all rollout Jobs need beside the shards' NetworkPolicy.
func (r *registrar) watcher() error {
	files, err := corev1.NewConfigMap(r.ctx, r.name+"-rollout-files", rolloutFiles(r.name, r.args), r.parent)
	if err != nil {
		return err
	}
	policy, err := newRolloutPolicy(r)
	r.watch = []pulumi.Resource{policy, files}
	return err
}

// gate holds back a shard's new ConfigMap and StatefulSet until the new image has read
// the new configuration and the previous shard runs what was deployed. It does not wait
// for the previous StatefulSet: if the shard does not exist yet, the gate opens at
// once, and new shards start side by side. Gates of shards that are known to be new do
// not wait for each other either. Members of one shard change one after the other even
// if shards change all at once.
func (r *registrar) gate(s rolledShard) error {
	if s.Rollout != RolloutSerial && !s.replicated() {
		return nil
	}
	switch {
	case s.member > 0:
	case s.Rollout != RolloutSerial:
		r.gates = nil
	case s.isNew():
		r.gates = r.opening
	}
	job := rolloutJob{plan: s.plan, object: s.set(), check: true, revision: s.rollout}
	needs := append(slices.Concat(r.watch, r.gates), s.app)
	if n := len(r.rolled); n > 0 && (s.Rollout == RolloutSerial || s.member > 0) {
		job.held, job.shards = true, r.rolled[n-1:]
		needs = append(needs, r.rolled[n-1].app)
	}
	made, err := r.job(s.set()+"-gate", job, needs)
	if err != nil {
		return err
	}
	r.gates = []pulumi.Resource{made}
	if r.opening == nil || !s.isNew() {
		r.opening = r.gates
	}
	return nil
}

// verdict ends the deployment: either all shards run what was deployed, or it fails.
// Whatever uses a shard's host comes after it.
func (r *registrar) verdict() error {
	first := r.rolled[0]
	job := rolloutJob{plan: first.plan, object: r.name + "-rollout", shards: r.rolled, last: true, revision: pulumi.String("")}
	if r.args.hasFormer() {
		job.revision = pulumi.Sprintf("rotation %d", r.args.PasswordRotation)
	}
	made, err := r.job(r.name+"-rollout", job, slices.Concat(r.watch, r.gates, r.sets))
	if err != nil {
		return err
	}
	if made, err = r.archived(made); err != nil {
		return err
	}
	r.rolledOut = made
	return r.hostsAfter(made)
}

// hostsAfter lets whatever uses a shard's host come after the Job. A host that
// depended on the Job itself would have Pulumi delete the Jobs of others that use the
// host whenever this one is replaced, so a resource that never changes, and exists in
// Pulumi's state only, stands between them.
func (r *registrar) hostsAfter(job *batchv1.Job) error {
	rolledOut, err := random.NewRandomId(r.ctx, r.name+"-rolled-out", &random.RandomIdArgs{ByteLength: pulumi.Int(1)},
		r.parent, pulumi.DependsOn([]pulumi.Resource{job}))
	if err != nil {
		return err
	}
	for i := range r.shards {
		r.shards[i].Host = pulumi.OutputWithDependencies(r.ctx.Context(), r.shards[i].Host, rolledOut).(pulumi.StringOutput)
	}
	return nil
}
