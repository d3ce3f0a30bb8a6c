package service

import (
	"fmt"
	"slices"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/settings"
)

// Service is a stateless program: Deployment, autoscaler, disruption budget,
// NetworkPolicy, and with a port a Service.
type Service struct {
	pulumi.ResourceState

	// Name of the Deployment and of everything that belongs to it. It is known once the
	// rollout is done and, with Args.Triggers and Args.Look, once KEDA scales by them.
	Name pulumi.StringOutput `pulumi:"name"`
	// Host of the Service inside the cluster, known once it has pods that are ready;
	// empty without a port.
	Host pulumi.StringOutput `pulumi:"host"`
	// URL of the Service inside the cluster; empty without a port.
	URL pulumi.StringOutput `pulumi:"url"`
	// Labels select the pods, for other components' network policies.
	Labels pulumi.StringMapOutput `pulumi:"labels"`

	deployment *appsv1.Deployment
	autoscaler pulumi.Resource
}

// Deployment returns the Deployment, for resources that come after the rollout: see
// Args.After.
func (s *Service) Deployment() pulumi.Resource { return s.deployment }

// Autoscaler decides how many pods there may be, for resources that depend on a change
// of that.
func (s *Service) Autoscaler() pulumi.Resource { return s.autoscaler }

// New registers one service. The name becomes the name of its objects: up to 46
// lower-case letters, digits and '-'.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Service, error) {
	a := args.withDefaults()
	errs := slices.Concat(CheckName(field.NewPath("name"), name), a.checkImage(), a.checkSources())
	if err := settings.Err(append(errs, settings.Validate(nil, a)...)); err != nil {
		return nil, err
	}
	s := &Service{
		Host:   pulumi.String("").ToStringOutput(),
		URL:    pulumi.String("").ToStringOutput(),
		Labels: PodLabels(name).ToStringMapOutput(),
	}
	// The type had another name up to version 0.1.
	opts = append(opts, pulumi.Aliases([]pulumi.Alias{{Type: pulumi.String("scalestack:app:App")}}))
	if err := ctx.RegisterComponentResource("scalestack:service:Service", name, s, opts...); err != nil {
		return nil, err
	}
	r := &registrar{ctx: ctx, name: name, args: a, made: s, parent: pulumi.Parent(s), before: slices.Clone(a.After)}
	if err := r.all(); err != nil {
		return nil, fmt.Errorf("service %s: %w", name, err)
	}
	return s, ctx.RegisterResourceOutputs(s, component.Outputs(s))
}

// registrar registers the objects in dependency order.
type registrar struct {
	ctx    *pulumi.Context
	name   string
	args   *Args
	made   *Service
	parent pulumi.ResourceOption
	// before is what the Deployment waits for.
	before []pulumi.Resource
	// after makes a resource wait for the Deployment.
	after pulumi.ResourceOption
}

func (r *registrar) all() error {
	for _, step := range []func() error{
		r.account, r.policy, r.migration, r.budget, r.deployment, r.postRollout, r.autoscaler, r.service,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (r *registrar) account() error {
	account, err := corev1.NewServiceAccount(r.ctx, r.name+"-account", kube.ServiceAccount(r.name, r.args.labels(r.name), r.args.Namespace, r.args.PullSecret), r.parent)
	r.before = append(r.before, account)
	return err
}

func (r *registrar) policy() error {
	policy, err := networkingv1.NewNetworkPolicy(r.ctx, r.name+"-policy", networkPolicy(r.name, r.args), r.parent, pulumi.DependsOn(r.args.Opened))
	r.before = append(r.before, policy)
	return err
}

func (r *registrar) budget() error {
	_, err := policyv1.NewPodDisruptionBudget(r.ctx, r.name+"-budget", disruptionBudget(r.name, r.args), r.parent)
	return err
}

func (r *registrar) deployment() error {
	d, err := appsv1.NewDeployment(r.ctx, r.name+"-deployment", deployment(r.name, r.args), r.parent,
		pulumi.DependsOn(r.before))
	if err != nil {
		return err
	}
	r.made.deployment, r.made.Name = d, d.Metadata.Name().Elem()
	r.after = pulumi.DependsOn([]pulumi.Resource{d})
	return nil
}

// service comes after the Deployment, whose pods are ready then.
func (r *registrar) service() error {
	if r.args.Port == 0 {
		return nil
	}
	s, err := corev1.NewService(r.ctx, r.name+"-service", service(r.name, r.args), r.parent, r.after)
	if err != nil {
		return err
	}
	r.made.Host = pulumi.Sprintf("%s.%s.svc.cluster.local", s.Metadata.Name().Elem(), s.Metadata.Namespace().Elem())
	r.made.URL = pulumi.Sprintf("http://%s", r.made.Host)
	if port := r.args.ServicePort; port != 80 {
		r.made.URL = pulumi.Sprintf("http://%s:%d", r.made.Host, port)
	}
	return nil
}
