package redis

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/internal/kube"
)

// Redis is a cache: for each server a Deployment, a Service, an access list and a
// NetworkPolicy.
type Redis struct {
	pulumi.ResourceState

	// Address is host:port inside the cluster, known once Redis is ready. With TLS it
	// is the port that speaks TLS. Several servers are separated by commas; with
	// Args.AlsoInvalidate a second list follows after a semicolon.
	Address pulumi.StringOutput `pulumi:"address"`
	// AppSecret is the name of the Secret with the keys username and password.
	AppSecret pulumi.StringOutput `pulumi:"appSecret"`
	// Checksum changes with the password and the settings. It is a secret.
	Checksum pulumi.StringOutput `pulumi:"checksum"`
}

// New registers the cache. The name becomes the name of its objects: up to 56, with
// an exporter 54, and with several servers 3 fewer, lower-case letters, digits and '-'.
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
	passwords, err := c.passwords(ctx, name, a)
	if err != nil {
		return err
	}
	app, err := corev1.NewSecret(ctx, name+"-app", credentials(name, a, passwords[0]), parent)
	if err != nil {
		return err
	}
	c.AppSecret = app.Metadata.Name().Elem()
	users := passwords.ToStringArrayOutput().ApplyT(func(all []string) string { return userList(a, all...) }).(pulumi.StringOutput)
	var addresses pulumi.StringArray
	var before []pulumi.Resource
	for number := range a.Servers() {
		one, err := c.server(ctx, server{name, number}, a, users, before)
		if err != nil {
			return err
		}
		addresses, before = append(addresses, one.address), []pulumi.Resource{one.deployment}
		if number == 0 {
			c.Checksum = one.checksum
		}
	}
	c.Address = addresses.ToStringArrayOutput().ApplyT(func(all []string) string { return list(a, all) }).(pulumi.StringOutput)
	return nil
}

// passwords are the one that services get, and those that their pods may still have.
func (c *Redis) passwords(ctx *pulumi.Context, name string, a *Args) (all pulumi.StringArray, err error) {
	for _, rotation := range append([]int{a.PasswordRotation, a.PasswordRotation - 1}, a.Later...) {
		if rotation < 0 {
			continue
		}
		secret, err := c.generate(ctx, name+"-app", rotation)
		if err != nil {
			return nil, err
		}
		all = append(all, secret)
	}
	return all, nil
}

// generate ignores the keepers by which an earlier release rotated: what it generated stays.
func (c *Redis) generate(ctx *pulumi.Context, owner string, rotation int) (pulumi.StringOutput, error) {
	return kube.Password(ctx, kube.PasswordName(owner, rotation), nil, pulumi.Parent(c), pulumi.IgnoreChanges([]string{"keepers"}))
}

// registered is what others need of a server.
type registered struct {
	address, checksum pulumi.StringOutput
	deployment        pulumi.Resource
}

// server registers one. It changes after the one before it: of a cache that restarts, one
// server's part is cold at a time.
func (c *Redis) server(ctx *pulumi.Context, s server, a *Args, users pulumi.StringOutput, before []pulumi.Resource) (r registered, err error) {
	if a.Exporter != nil {
		if users, err = c.exporter(ctx, s, a, users); err != nil {
			return r, err
		}
	}
	r.checksum = kube.Checksum(users, pulumi.String(serverConfig(a)))
	needs, err := c.files(ctx, s, a, users)
	if err != nil {
		return r, err
	}
	parent, name := pulumi.Parent(c), s.name()
	made, err := appsv1.NewDeployment(ctx, name+"-deployment", deployment(s, a, r.checksum), parent, pulumi.DependsOn(slices.Concat(needs, before)))
	if err != nil {
		return r, err
	}
	front, err := corev1.NewService(ctx, name+"-service", service(s, a), parent)
	if err != nil {
		return r, err
	}
	r.deployment = made
	r.address = pulumi.Sprintf("%s.%s.svc.cluster.local:%d",
		front.Metadata.Name().Elem(), made.Metadata.Namespace().Elem(), ClientPort(a.TLS))
	return r, nil
}

// files registers what the pod comes after: what it mounts, and who may connect.
func (c *Redis) files(ctx *pulumi.Context, s server, a *Args, users pulumi.StringInput) ([]pulumi.Resource, error) {
	parent, name := pulumi.Parent(c), s.name()
	var needs []pulumi.Resource
	if a.TLS != nil && a.TLS.Issuer != nil {
		issued, err := apiextensions.NewCustomResource(ctx, name+"-certificate", certificate(s, a), parent)
		if err != nil {
			return nil, err
		}
		needs = append(needs, issued)
	}
	acl, err := corev1.NewSecret(ctx, name+"-acl", userFile(s, a, users), parent)
	if err != nil {
		return nil, err
	}
	config, err := corev1.NewConfigMap(ctx, name+"-config", configMap(s, a), parent)
	if err != nil {
		return nil, err
	}
	policy, err := networkingv1.NewNetworkPolicy(ctx, name+"-policy", networkPolicy(s, a), parent, pulumi.DependsOn(a.Opened))
	if err != nil {
		return nil, err
	}
	return append(needs, acl, config, policy), nil
}
