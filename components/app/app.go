package app

import (
	"errors"
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	autoscalingv2 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/autoscaling/v2"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/check"
)

// App is the component.
type App struct {
	pulumi.ResourceState

	// Name of the Deployment and of all that belongs to it.
	Name pulumi.StringOutput
	// Host of the Service inside the cluster, known once it has pods that are
	// ready; empty without a port.
	Host pulumi.StringOutput
	// URL of the Service inside the cluster; empty without a port.
	URL pulumi.StringOutput
	// Labels select the pods, for other components' network policies.
	Labels pulumi.StringMapOutput
}

// New registers one program. The name becomes the name of its objects: up to 46
// lower-case letters, digits and '-'.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*App, error) {
	a := args.withDefaults()
	var errs check.Errors
	kube.Name(&errs, "name", name, longestSuffix)
	if err := errors.Join(errs.Err(), a.validate()); err != nil {
		return nil, err
	}
	app := &App{
		Name:   pulumi.String(name).ToStringOutput(),
		Host:   pulumi.String("").ToStringOutput(),
		URL:    pulumi.String("").ToStringOutput(),
		Labels: pulumi.ToStringMap(PodLabels(name)).ToStringMapOutput(),
	}
	if err := ctx.RegisterComponentResource("scalestack:app:App", name, app, opts...); err != nil {
		return nil, err
	}
	r := &registrar{ctx: ctx, name: name, args: a, app: app, parent: pulumi.Parent(app)}
	if err := r.all(); err != nil {
		return nil, fmt.Errorf("app %s: %w", name, err)
	}
	return app, ctx.RegisterResourceOutputs(app, pulumi.Map{
		"name": app.Name, "host": app.Host, "url": app.URL, "labels": app.Labels,
	})
}

// registrar registers the objects in the order in which they need each other.
type registrar struct {
	ctx    *pulumi.Context
	name   string
	args   *Args
	app    *App
	parent pulumi.ResourceOption
	// before is what the Deployment waits for.
	before []pulumi.Resource
	// after makes a resource wait for the Deployment.
	after pulumi.ResourceOption
}

func (r *registrar) all() error {
	for _, step := range []func() error{
		r.account, r.policy, r.migration, r.budget, r.deployment, r.followup, r.autoscaler, r.service,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (r *registrar) account() error {
	account, err := corev1.NewServiceAccount(r.ctx, r.name+"-account", serviceAccount(r.name, r.args), r.parent)
	r.before = append(r.before, account)
	return err
}

func (r *registrar) policy() error {
	policy, err := networkingv1.NewNetworkPolicy(r.ctx, r.name+"-policy", networkPolicy(r.name, r.args), r.parent)
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
	r.after = pulumi.DependsOn([]pulumi.Resource{d})
	return err
}

func (r *registrar) autoscaler() error {
	_, err := autoscalingv2.NewHorizontalPodAutoscaler(r.ctx, r.name+"-autoscaler", autoscaler(r.name, r.args), r.parent, r.after)
	return err
}

// service comes last: Pulumi waits for a Service's pods with a deadline of its
// own, which a long migration would use up.
func (r *registrar) service() error {
	if r.args.Port == 0 {
		return nil
	}
	s, err := corev1.NewService(r.ctx, r.name+"-service", service(r.name, r.args), r.parent, r.after)
	if err != nil {
		return err
	}
	r.app.Host = pulumi.Sprintf("%s.%s.svc.cluster.local", s.Metadata.Name().Elem(), s.Metadata.Namespace().Elem())
	r.app.URL = pulumi.Sprintf("http://%s", r.app.Host)
	if port := r.args.ServicePort; port != 80 {
		r.app.URL = pulumi.Sprintf("http://%s:%d", r.app.Host, port)
	}
	return nil
}
