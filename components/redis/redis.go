package redis

import (
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/internal/kube"
)

// Redis is a cache: Deployment, Service, access list and NetworkPolicy.
type Redis struct {
	pulumi.ResourceState

	// Address is host:port inside the cluster, known once Redis is ready. With TLS it is
	// the port that speaks it.
	Address pulumi.StringOutput `pulumi:"address"`
	// AppSecret is the name of the Secret with the keys username and password.
	AppSecret pulumi.StringOutput `pulumi:"appSecret"`
	// Checksum changes with the password and the settings. It is a secret.
	Checksum pulumi.StringOutput `pulumi:"checksum"`
}

// New registers the cache. The name becomes the name of its objects: up to 56, with
// an exporter 54, lower-case letters, digits and '-'.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Redis, error) {
	a := args.withDefaults()
	if err := kube.Check(name, a.longestSuffix(), a); err != nil {
		return nil, err
	}
	c := &Redis{}
	if err := ctx.RegisterComponentResource("scalestack:redis:Redis", name, c, opts...); err != nil {
		return nil, err
	}
	if err := c.register(ctx, name, a); err != nil {
		return nil, fmt.Errorf("redis %s: %w", name, err)
	}
	return c, ctx.RegisterResourceOutputs(c, component.Outputs(c))
}

func (c *Redis) register(ctx *pulumi.Context, name string, a *Args) error {
	parent := pulumi.Parent(c)
	generated, err := random.NewRandomPassword(ctx, name+"-app-password", password(a), parent)
	if err != nil {
		return err
	}
	secret := pulumi.ToSecret(generated.Result).(pulumi.StringOutput)
	app, err := corev1.NewSecret(ctx, name+"-app", credentials(name, a, secret), parent)
	if err != nil {
		return err
	}
	users := secret.ApplyT(func(password string) string { return userList(a, password) }).(pulumi.StringOutput)
	if a.Exporter != nil {
		if users, err = c.exporter(ctx, name, a, users); err != nil {
			return err
		}
	}
	c.AppSecret = app.Metadata.Name().Elem()
	c.Checksum = kube.Checksum(users, pulumi.String(serverConfig(a)))
	return c.server(ctx, name, a, users)
}

// server registers what runs.
func (c *Redis) server(ctx *pulumi.Context, name string, a *Args, users pulumi.StringInput) error {
	parent := pulumi.Parent(c)
	var needs []pulumi.Resource
	if a.TLS != nil && a.TLS.Issuer != nil {
		issued, err := apiextensions.NewCustomResource(ctx, name+"-certificate", certificate(name, a), parent)
		if err != nil {
			return err
		}
		needs = append(needs, issued)
	}
	acl, err := corev1.NewSecret(ctx, name+"-acl", userFile(name, a, users), parent)
	if err != nil {
		return err
	}
	config, err := corev1.NewConfigMap(ctx, name+"-config", configMap(name, a), parent)
	if err != nil {
		return err
	}
	policy, err := networkingv1.NewNetworkPolicy(ctx, name+"-policy", networkPolicy(name, a), parent, pulumi.DependsOn(a.Opened))
	if err != nil {
		return err
	}
	made, err := appsv1.NewDeployment(ctx, name+"-deployment", deployment(name, a, c.Checksum), parent,
		pulumi.DependsOn(append(needs, acl, config, policy)))
	if err != nil {
		return err
	}
	front, err := corev1.NewService(ctx, name+"-service", service(name, a), parent)
	if err != nil {
		return err
	}
	c.Address = pulumi.Sprintf("%s.%s.svc.cluster.local:%d",
		front.Metadata.Name().Elem(), made.Metadata.Namespace().Elem(), ClientPort(a.TLS))
	return nil
}
