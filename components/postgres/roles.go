package postgres

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/sharding/access"
)

// The keys of the Secret that RolesArgs.Prepare gets.
const (
	// RolesKey has the description.
	RolesKey = "roles.json"
	// AdministratorsKey has the passwords of the shards' own logins by shard and role, if RolesArgs.Administrators are given.
	AdministratorsKey = "administrators.json"
)

// RolesArgs describe the logins of the services that use the shards.
type RolesArgs struct {
	// Namespace of all objects. Default: "scalestack".
	Namespace pulumi.StringInput
	// Spec is the description without passwords, which are generated: new ones with each
	// Rotation.
	Spec access.Spec
	// Unnumbered is the rotation whose passwords have no number in the names of their resources, as all
	// had in earlier releases. Default: 0.
	Unnumbered int
	// Administrators are Shard.Logins by the shards' names, which Prepare brings the
	// servers to. None: they have those of Args.Shards from their beginning.
	Administrators map[string]pulumi.StringMap
	// Prepare registers and returns what brings the shards to the description, which it
	// finds in key RolesKey of the named Secret. No service gets a login before. Required.
	Prepare func(secret pulumi.StringOutput) ([]pulumi.Resource, error)
}

// Roles are the logins of the services: a Secret for each with the keys username and
// password, and one with the whole description for the Job that makes them.
type Roles struct {
	pulumi.ResourceState

	// Secret is the name of the one with the description.
	Secret pulumi.StringOutput `pulumi:"secret"`
	// Logins are the names of the services' Secrets, by service. Each is known once the
	// login exists on every shard.
	Logins pulumi.StringMap `pulumi:"logins"`
}

// RotationAnnotation of a service's Secret is the rotation that it is of, which has reached every shard then. Without
// any it is missing.
const RotationAnnotation = "scalestack/rotation"

// SpecSecret is the name of the Secret with the description. It changes with the
// description: a kubelet may give a new pod the former content of a Secret that was just
// changed, and a Job reads it only once.
func SpecSecret(component string, spec access.Spec) (string, error) {
	text, err := spec.Encode()
	return kube.HashedName(component+"-spec", string(text)), err
}

// secret also changes with the set of administrators.
func (a *RolesArgs) secret(component string) (string, error) {
	name, err := SpecSecret(component, a.Spec)
	if err != nil || len(a.Administrators) == 0 {
		return name, err
	}
	return kube.HashedName(component+"-spec", name+" logins of "+strings.Join(slices.Sorted(maps.Keys(a.Administrators)), " ")), nil
}

// password names that of a login. With the number a rotation that is taken back finds those of before as they
// were: pods use them.
func (a *RolesArgs) password(login string) string {
	if a.Spec.Rotation == a.Unnumbered {
		return login + "-password"
	}
	return fmt.Sprintf("%s-password-%d", login, a.Spec.Rotation)
}

// LoginSecret is the name of a service's Secret.
func LoginSecret(component, service string) string { return component + "-login-" + service }

// NewRoles registers the logins. The name begins the names of their objects.
func NewRoles(ctx *pulumi.Context, name string, args *RolesArgs, opts ...pulumi.ResourceOption) (*Roles, error) {
	c := &Roles{Logins: pulumi.StringMap{}}
	if err := ctx.RegisterComponentResource("scalestack:postgres:Roles", name, c, opts...); err != nil {
		return nil, err
	}
	if err := c.register(ctx, name, args); err != nil {
		return nil, fmt.Errorf("roles %s: %w", name, err)
	}
	return c, ctx.RegisterResourceOutputs(c, component.Outputs(c))
}

func (c *Roles) register(ctx *pulumi.Context, name string, args *RolesArgs) error {
	parent, namespace, passwords := pulumi.Parent(c), kube.Namespace(args.Namespace), map[string]pulumi.StringInput{}
	for _, service := range args.Spec.Services {
		secret, err := kube.Password(ctx, args.password(LoginSecret(name, service.Name)),
			pulumi.StringMap{"rotation": pulumi.String(strconv.Itoa(args.Spec.Rotation))}, parent)
		if err != nil {
			return err
		}
		passwords[service.Name] = secret
	}
	secret, err := args.secret(name)
	if err != nil {
		return err
	}
	data := pulumi.StringMap{RolesKey: describe(args.Spec, passwords)}
	if len(args.Administrators) > 0 {
		all := pulumi.StringMapMap{}
		for shard, logins := range args.Administrators {
			all[shard] = logins
		}
		data[AdministratorsKey] = pulumi.JSONMarshal(all)
	}
	description, err := corev1.NewSecret(ctx, name+"-spec", &corev1.SecretArgs{
		Metadata:   componentLabels(name).Meta(secret, namespace),
		StringData: data,
	}, parent)
	if err != nil {
		return err
	}
	c.Secret = description.Metadata.Name().Elem()
	prepared, err := args.Prepare(c.Secret)
	if err != nil {
		return err
	}
	// By dependsOn and not by a value: Pulumi deletes and remakes what has a value of a
	// Job that is replaced.
	after := pulumi.DependsOn(prepared)
	for _, service := range args.Spec.Services {
		meta := componentLabels(name).Meta(LoginSecret(name, service.Name), namespace)
		if args.Spec.Rotation > 0 {
			meta.Annotations = pulumi.StringMap{RotationAnnotation: pulumi.String(strconv.Itoa(args.Spec.Rotation))}
		}
		login, err := corev1.NewSecret(ctx, LoginSecret(name, service.Name), &corev1.SecretArgs{
			Metadata: meta,
			Type:     pulumi.String("kubernetes.io/basic-auth"),
			StringData: pulumi.StringMap{
				"username": pulumi.String(access.Login(service.Name, args.Spec.Rotation)), "password": passwords[service.Name],
			},
		}, parent, after)
		if err != nil {
			return err
		}
		c.Logins[service.Name] = login.Metadata.Name().Elem()
	}
	return nil
}

// describe fills the passwords in.
func describe(spec access.Spec, passwords map[string]pulumi.StringInput) pulumi.StringOutput {
	inputs := make([]any, len(spec.Services))
	for i, service := range spec.Services {
		inputs[i] = passwords[service.Name]
	}
	return pulumi.All(inputs...).ApplyT(func(values []any) (string, error) {
		filled := spec
		filled.Services = slices.Clone(spec.Services)
		for i := range filled.Services {
			filled.Services[i].Password = values[i].(string)
		}
		text, err := filled.Encode()
		return string(text), err
	}).(pulumi.StringOutput)
}
