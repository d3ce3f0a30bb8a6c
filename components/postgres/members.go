package postgres

import (
	"slices"
	"strconv"
	"strings"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/settings"
)

// of is another member of the same shard.
func (p plan) of(member int) plan {
	p.member = member
	return p
}

// claims registers the members' volume claims. They wait for no gate: a full volume has to
// grow whatever other shards do.
func (r *registrar) claims(p plan) ([]*corev1.PersistentVolumeClaim, error) {
	var all []*corev1.PersistentVolumeClaim
	for i := range p.Members {
		m := p.of(i)
		claim, err := corev1.NewPersistentVolumeClaim(r.ctx, m.set()+"-data", volumeClaim(m), append(claimOptions(m), r.parent)...)
		if err != nil {
			return nil, err
		}
		r.warn(m, claim)
		all = append(all, claim)
	}
	return all, nil
}

// patroni registers what several servers of one shard have beyond a single one. It
// returns what they have to wait for.
func (r *registrar) patroni(p plan, admin pulumi.StringInput, claims []*corev1.PersistentVolumeClaim, begun pulumi.ResourceOption) ([]pulumi.Resource, error) {
	_, rest, err := r.passwords(p.secret(patroniCredentials))
	if err != nil {
		return nil, err
	}
	replicator, err := kube.Password(r.ctx, kube.PasswordName(p.secret("replicator"), p.PasswordRotation), nil, r.parent)
	if err != nil {
		return nil, err
	}
	secret, err := corev1.NewSecret(r.ctx, p.secret(patroniCredentials), patroniSecret(p, admin, replicator, rest), r.parent)
	if err != nil {
		return nil, err
	}
	account, err := r.account(p)
	if err != nil {
		return nil, err
	}
	made, err := rbacv1.NewRole(r.ctx, p.object()+"-role", role(p), r.parent)
	if err != nil {
		return nil, err
	}
	binding, err := rbacv1.NewRoleBinding(r.ctx, p.object()+"-binding", roleBinding(p), r.parent, pulumi.DependsOn([]pulumi.Resource{made, account}))
	if err != nil {
		return nil, err
	}
	needs := []pulumi.Resource{secret, binding}
	for _, suffix := range patroniState {
		service, err := corev1.NewService(r.ctx, p.object()+suffix, stateService(p, suffix, claims), r.parent, pulumi.RetainOnDelete(true))
		if err != nil {
			return nil, err
		}
		needs = append(needs, service)
	}
	if args := shardBudget(p); args != nil {
		if _, err := policyv1.NewPodDisruptionBudget(r.ctx, p.object()+"-budget", args, r.parent, begun); err != nil {
			return nil, err
		}
	}
	_, err = corev1.NewService(r.ctx, p.replicas(), replicaService(p), r.parent)
	return needs, err
}

// followers registers the other members. Each waits for the one before it at its gate
// and not at its StatefulSet: a shard comes back only when several of its members do.
func (r *registrar) followers(first rolledShard, checksum pulumi.StringInput, needs []pulumi.Resource) error {
	for i := 1; i < first.Members; i++ {
		m := first
		m.plan = first.of(i)
		if err := r.gate(m); err != nil {
			return err
		}
		if err := r.server(m, checksum, needs); err != nil {
			return err
		}
	}
	return nil
}

// server registers the StatefulSet of one member.
func (r *registrar) server(m rolledShard, checksum pulumi.StringInput, needs []pulumi.Resource) error {
	set, err := appsv1.NewStatefulSet(r.ctx, m.set(), statefulSet(m.plan, checksum), append(protection(m.plan), r.parent,
		pulumi.DependsOn(slices.Concat(r.gates, needs)))...)
	r.sets, r.rolled = append(r.sets, set), append(r.rolled, m)
	return err
}

// keepMembers refuses, in the preview too, to remove members: the primary, or the only
// one with the last commits, could be among them. Only the engine knows how many there
// were, and it tells a hook.
func (r *registrar) keepMembers() (pulumi.ResourceOption, error) {
	hook, err := r.ctx.RegisterResourceHook(r.name+"-members", func(update *pulumi.ResourceHookArgs) error {
		return settings.Err(membersChange(update.OldInputs, r.args.Members))
	}, &pulumi.ResourceHookOptions{OnDryRun: true})
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeUpdate: []*pulumi.ResourceHook{hook}}), err
}

func membersChange(old resource.PropertyMap, members int) field.ErrorList {
	if was := membersBefore(old); members < was {
		return field.ErrorList{field.Invalid(field.NewPath("members"), members, "must be at least "+strconv.Itoa(was)+
			": members can be added and not taken away. docs/high-availability.md says how a shard gets fewer")}
	}
	return nil
}

// membersBefore is how many members an object says there were, 0 if it says nothing. Earlier
// versions told it on the NetworkPolicy, and a deployment that failed may have removed it from
// there and not come to the ConfigMaps: what those say of Patroni is the least there were.
func membersBefore(old resource.PropertyMap) int {
	if told, ok := textAt(old, `metadata.annotations["`+MembersAnnotation+`"]`); ok {
		if count, err := strconv.Atoi(told); err == nil {
			return count
		}
		return maxMembers
	}
	shared, ok := textAt(old, `data["dcs.json"]`)
	switch {
	case !ok:
		return 0
	case strings.Contains(shared, `"synchronous_mode": "quorum"`):
		return 3
	}
	return 2
}

func textAt(object resource.PropertyMap, at string) (string, bool) {
	path, _ := resource.ParsePropertyPath(at)
	value, ok := path.Get(resource.NewProperty(object))
	if !ok || !value.IsString() {
		return "", false
	}
	return value.StringValue(), true
}
