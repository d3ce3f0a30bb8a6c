// Package v2 is copied into the provider's package of that name, see ../patch.go: it
// registers the objects of charts and manifests.
package v2

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// object is a resource of any kind. Nobody reads more of it than its URN and its id.
type object struct {
	pulumi.CustomResourceState
}

// registerObject does what the SDK's function for manifests does with 150 typed resources,
// whose packages are six minutes of compiling: the type of a resource is its API version and
// kind, except that the core group has no name in an API version.
func registerObject(ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input, opts ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	var res object
	if err := ctx.RegisterResource(resourceType(apiVersion, kind), name, props, &res, opts...); err != nil {
		return nil, err
	}
	return &res, nil
}

func resourceType(apiVersion, kind string) string {
	if apiVersion == "v1" {
		apiVersion = "core/v1"
	}
	return "kubernetes:" + apiVersion + ":" + kind
}
