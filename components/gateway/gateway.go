package gateway

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/settings"
)

// Gateway is a host name at a gateway of the cluster.
type Gateway struct {
	pulumi.ResourceState

	// Host leads to the service. It is known once the gateway serves it and, with a
	// record, once it has one.
	Host pulumi.StringOutput `pulumi:"host"`
}

// New registers one host name at a gateway. The name becomes the name of its objects.
// The options need a Kubernetes provider, and a Cloudflare provider for Args.Record.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Gateway, error) {
	a := settings.WithDefaults(args)
	if err := errors.Join(settings.Err(kube.Name(field.NewPath("name"), name, redirectSuffix)), args.Validate()); err != nil {
		return nil, err
	}
	g := &Gateway{}
	if err := ctx.RegisterComponentResource("scalestack:gateway:Gateway", name, g, opts...); err != nil {
		return nil, err
	}
	r := &registrar{ctx: ctx, name: name, args: a.withName(name), parent: pulumi.Parent(g)}
	host, err := r.all()
	if err != nil {
		return nil, fmt.Errorf("gateway %s: %w", name, err)
	}
	g.Host = host
	return g, ctx.RegisterResourceOutputs(g, component.Outputs(g))
}

// registrar registers the objects in dependency order.
type registrar struct {
	ctx    *pulumi.Context
	name   string
	args   *Args
	parent pulumi.ResourceOption
	// explained says why the wait for an object ended without success.
	explained pulumi.ResourceOption
}

func (r *registrar) all() (host pulumi.StringOutput, err error) {
	host = r.args.Host.ToStringOutput()
	if r.explained, err = r.explains(); err != nil {
		return host, err
	}
	var own *served
	after := slices.Clone(r.args.After)
	if r.args.Own != nil {
		if own, err = r.register("gateway", ownGateway(r.name, r.args), after...); err != nil {
			return host, err
		}
		after = append(after, own)
		if r.args.Own.RedirectPort != 0 {
			if _, err := r.register("redirect", redirect(r.name, r.args), after...); err != nil {
				return host, err
			}
		}
	}
	made, err := r.register("route", route(r.name, r.args), after...)
	if err != nil {
		return host, err
	}
	if r.args.Record != nil {
		return r.record(r.target(own), made)
	}
	return pulumi.OutputWithDependencies(r.ctx.Context(), host, made).(pulumi.StringOutput), nil
}

// served is an object of the Gateway API with what its controller says of it.
type served struct {
	pulumi.CustomResourceState
	Status pulumi.MapOutput `pulumi:"status"`
}

func (r *registrar) register(suffix string, inputs kubernetes.UntypedArgs, after ...pulumi.Resource) (*served, error) {
	made := &served{}
	kind := string(inputs["kind"].(pulumi.String))
	err := r.ctx.RegisterResource("kubernetes:"+apiVersion+":"+kind, r.name+"-"+suffix, inputs, made, r.parent, r.explained, pulumi.DependsOn(after))
	return made, err
}

var errNoAddress = errors.New("the Gateway's status has no address. Fix: give record.target")

// target is where the DNS record leads.
func (r *registrar) target(own *served) pulumi.StringOutput {
	if kube.Given(r.args.Record.Target) {
		return r.args.Record.Target.ToStringOutput()
	}
	return own.Status.ApplyT(func(status map[string]any) (string, error) {
		if target := best(status); target != "" {
			return target, nil
		}
		return "", errNoAddress
	}).(pulumi.StringOutput)
}
