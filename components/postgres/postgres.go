package postgres

import (
	"fmt"
	"maps"
	"slices"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/internal/kube"
)

// Postgres is a set of shards: for each a StatefulSet of one pod, its volume
// claim, Services, ConfigMap and Secrets, and for all of them a disruption budget
// and a NetworkPolicy.
type Postgres struct {
	pulumi.ResourceState

	// Shards say how to reach each shard, in the order of the ids that were given.
	Shards []Shard `pulumi:"shards"`
	// Checksum changes when any shard's does. It is a secret.
	Checksum pulumi.StringOutput `pulumi:"checksum"`
}

// New registers the shards. The name becomes the beginning of their objects'
// names: up to 43 lower-case letters, digits and '-'.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Postgres, error) {
	a := args.withDefaults()
	if err := kube.Check(name, longestSuffix, a); err != nil {
		return nil, err
	}
	c := &Postgres{}
	if err := ctx.RegisterComponentResource("scalestack:postgres:Postgres", name, c, opts...); err != nil {
		return nil, err
	}
	r := &registrar{ctx: ctx, name: name, args: a, parent: pulumi.Parent(c)}
	if err := r.all(); err != nil {
		return nil, fmt.Errorf("postgres %s: %w", name, err)
	}
	c.Shards, c.Checksum = r.shards, checksumOf(r.shards)
	return c, ctx.RegisterResourceOutputs(c, component.Outputs(c))
}

// registrar registers the objects in the order in which they need each other.
type registrar struct {
	ctx    *pulumi.Context
	name   string
	args   *Args
	parent pulumi.ResourceOption
	// policy and watch are what the StatefulSets and the rollout Jobs need.
	policy *networkingv1.NetworkPolicy
	watch  []pulumi.Resource
	// opened is the shards' way to the bucket, which an earlier version had in policy.
	opened []pulumi.Resource
	// ready are what a change of any server waits for: its certificate, the archive's bucket.
	ready []pulumi.Resource
	// keep refuses to take members away.
	keep pulumi.ResourceOption
	// accounts are the shards' own ones.
	accounts map[int]*corev1.ServiceAccount
	// sets, gates and rolled grow with each shard.
	sets, gates []pulumi.Resource
	// opening is the gate that those of new shards come after: the last one of a shard that
	// exists, or the first of all.
	opening []pulumi.Resource
	rolled  []rolledShard
	shards  []Shard
	// seeds are what the passwords of migrations and moves are derived from, the present one first.
	firstSeed pulumi.StringInput
	seeds     []pulumi.StringInput
	// rolledOut is the Job after which every shard runs what was deployed.
	rolledOut pulumi.Resource
}

func (r *registrar) all() error {
	var err error
	if r.keep, err = r.keepMembers(); err != nil {
		return err
	}
	if err := r.budget(); err != nil {
		return err
	}
	if err := r.watcher(); err != nil {
		return err
	}
	if err := r.tls(); err != nil {
		return err
	}
	if err := r.bucket(); err != nil {
		return err
	}
	if err := r.network(); err != nil {
		return err
	}
	if err := r.clients(); err != nil {
		return err
	}
	if r.firstSeed, r.seeds, err = r.passwords(r.name + "-logins"); err != nil {
		return err
	}
	for _, id := range r.args.Shards {
		if err := r.shard(plan{Args: r.args, component: r.name, id: id}); err != nil {
			return fmt.Errorf("%s: %w", ShardName(id), err)
		}
	}
	if err := r.verdict(); err != nil {
		return err
	}
	if err := r.verification(); err != nil {
		return err
	}
	return r.exporter()
}

// network registers the shards' NetworkPolicy, which the Job that tries the bucket does not
// need: shards that run have that of before.
func (r *registrar) network() (err error) {
	r.policy, err = networkingv1.NewNetworkPolicy(r.ctx, r.name+"-policy", networkPolicy(r.name, r.args), r.parent, r.keep,
		pulumi.DependsOn(slices.Concat(r.opened, r.args.Opened)))
	r.watch = append(r.watch, r.policy)
	return err
}

// budget is that of all shards, unless each has several members and so its own.
func (r *registrar) budget() error {
	args := disruptionBudget(r.name, r.args)
	if args == nil || r.args.Members > 1 {
		return nil
	}
	_, err := policyv1.NewPodDisruptionBudget(r.ctx, r.name+"-budget", args, r.parent)
	return err
}

func (r *registrar) shard(p plan) error {
	firstAdmin, admins, err := r.passwords(p.secret(AdminCredentials))
	if err != nil {
		return err
	}
	firstApp, apps, err := r.passwords(p.secret(AppCredentials))
	if err != nil {
		return err
	}
	admin, err := corev1.NewSecret(r.ctx, p.secret(AdminCredentials), adminCredentials(p, admins, r.seeds), r.parent)
	if err != nil {
		return err
	}
	app, err := corev1.NewSecret(r.ctx, p.secret(AppCredentials), credentials(p, AppCredentials, AppRole, apps), r.parent)
	if err != nil {
		return err
	}
	// Of the first passwords: later ones restart nothing.
	checksum := checksum(p, firstAdmin, firstApp, r.firstSeed)
	rolled := rolledShard{plan: p, rollout: rollout(p, checksum), app: app}
	if err := r.gate(rolled); err != nil {
		return err
	}
	config, err := corev1.NewConfigMap(r.ctx, p.object()+"-config", configMap(p, rolled.rollout), r.parent, r.keep,
		pulumi.DependsOn(slices.Concat(r.gates, r.ready)))
	if err != nil {
		return err
	}
	begun := pulumi.DependsOn([]pulumi.Resource{config})
	claims, err := r.claims(p)
	if err != nil {
		return err
	}
	service, err := r.services(p, begun)
	if err != nil {
		return err
	}
	needs := []pulumi.Resource{r.policy, admin, app, config}
	for _, claim := range claims {
		needs = append(needs, claim)
	}
	if p.ownAccount() && !p.replicated() {
		account, err := r.account(p)
		if err != nil {
			return err
		}
		needs = append(needs, account)
	}
	if p.replicated() {
		more, err := r.patroni(p, admins[0], claims, begun)
		if err != nil {
			return err
		}
		// The Service first, without its selector: see prepare.py.
		needs = append(append(needs, service), more...)
	}
	if err := r.server(rolled, checksum, needs); err != nil {
		return err
	}
	set := r.sets[len(r.sets)-1].(*appsv1.StatefulSet)
	host := pulumi.Sprintf("%s.%s.svc.cluster.local", service.Metadata.Name().Elem(), set.Metadata.Namespace().Elem())
	if err := r.followers(rolled, checksum, needs); err != nil {
		return err
	}
	r.shards = append(r.shards, Shard{
		ID: p.id, Name: ShardName(p.id), Host: host, Port: Port, Database: Database(p.id),
		AdminSecret: admin.Metadata.Name().Elem(), AppSecret: app.Metadata.Name().Elem(), Drained: p.drained(), Checksum: checksum, Logins: loginsOf(p, r.seeds[0]),
	})
	return nil
}

// passwords are an owner's present one and those that a server may still have: the one before, those of
// rotations that did not end, and the first, which a stack has that begins with a higher number. An earlier release
// could rotate the first, which took every shard away for a minute: what it generated stays.
func (r *registrar) passwords(owner string) (first pulumi.StringInput, all []pulumi.StringInput, err error) {
	first, err = kube.Password(r.ctx, kube.PasswordName(owner, 0), nil, r.parent, pulumi.IgnoreChanges([]string{"keepers"}))
	if err != nil {
		return nil, nil, err
	}
	for _, rotation := range append([]int{r.args.PasswordRotation, r.args.PasswordRotation - 1}, r.args.Unfinished...) {
		if rotation <= 0 {
			continue
		}
		value, err := kube.Password(r.ctx, kube.PasswordName(owner, rotation), nil, r.parent)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, value)
	}
	if r.args.PasswordRotation == 0 {
		return first, append([]pulumi.StringInput{first}, all...), nil
	}
	return first, append(all, first), nil
}

// hasFormer tells whether the shards' Secrets have passwords besides the present ones.
func (a *Args) hasFormer() bool { return a.PasswordRotation > 0 || len(a.Unfinished) > 0 }

// services returns the clients' Service. It keeps its selector until the shard's change has
// begun.
func (r *registrar) services(p plan, begun pulumi.ResourceOption) (*corev1.Service, error) {
	if _, err := corev1.NewService(r.ctx, p.headless(), headlessService(p), r.parent); err != nil {
		return nil, err
	}
	return corev1.NewService(r.ctx, p.object()+"-service", clientService(p), r.parent, begun)
}

// checksum covers what a running server must be restarted for.
func checksum(p plan, passwords ...pulumi.StringInput) pulumi.StringOutput {
	args := *p.Args
	// Servers that run read it again, or refuse the superuser from their next start on.
	args.LocalSuperuser, p.Args = false, &args
	files := restartingFiles(p)
	if p.TLS != nil {
		// What tls.sh has a running server read again.
		delete(files, "pg_hba.conf")
	}
	parts := passwords
	for _, name := range slices.Sorted(maps.Keys(files)) {
		parts = append(parts, pulumi.String(files[name]))
	}
	return kube.Checksum(parts...)
}

func checksumOf(shards []Shard) pulumi.StringOutput {
	parts := make([]pulumi.StringInput, len(shards))
	for i, shard := range shards {
		parts[i] = shard.Checksum
	}
	return kube.Checksum(parts...)
}
