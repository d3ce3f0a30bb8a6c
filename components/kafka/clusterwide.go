package kafka

import (
	"context"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// InstalledByAnnotation on the chart's cluster-wide objects names the namespace of
// the stack that installed them.
const InstalledByAnnotation = "scalestack/installed-by"

// managerAnnotation tells the provider by which name it applies an object.
const managerAnnotation = "pulumi.com/patchFieldManager"

// clusterWideKinds are the kinds of the chart that belong to the whole Kubernetes
// cluster. Deleting a definition deletes every Kafka of every namespace.
var clusterWideKinds = []string{"CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}

// keepClusterWide lets the chart's cluster-wide objects outlive the stack, and makes
// this stack their only owner. The chart is a component of the provider; the engine
// runs the transforms of a component on all its children.
//
// The owner is a field manager of server-side apply that stays the same for the life of
// the namespace, so a stack that comes back after a destroy still owns the objects. A
// stack in another namespace would set InstalledByAnnotation to another value. The API
// server refuses that as a conflict, with the first stack's name, before it changes
// anything. A preview forces its changes, so there the guard refuses.
func keepClusterWide(namespace pulumi.StringInput, guard *pulumi.ResourceHook) pulumi.ResourceTransform {
	return func(_ context.Context, args *pulumi.ResourceTransformArgs) *pulumi.ResourceTransformResult {
		if !clusterWide(args) {
			return nil
		}
		options := args.Opts
		options.RetainOnDelete = true
		options.Hooks = &pulumi.ResourceHookBinding{AfterCreate: []*pulumi.ResourceHook{guard}}
		return &pulumi.ResourceTransformResult{Props: ownedBy(namespace, args.Props), Opts: options}
	}
}

// clusterWide tells by the kind, and by a missing namespace: the chart resource gives
// all other objects one.
func clusterWide(args *pulumi.ResourceTransformArgs) bool {
	if !args.Custom || !strings.HasPrefix(args.Type, "kubernetes:") {
		return false
	}
	if slices.Contains(clusterWideKinds, args.Type[strings.LastIndex(args.Type, ":")+1:]) {
		return true
	}
	metadata, known := args.Props["metadata"].(pulumi.Map)
	return known && metadata["namespace"] == nil
}

// ownedBy adds the annotations of the owner. Metadata that are not known yet stay as
// they are: they belong to a preview.
func ownedBy(namespace pulumi.StringInput, props pulumi.Map) pulumi.Map {
	metadata, known := props["metadata"].(pulumi.Map)
	if !known {
		return props
	}
	annotations, _ := metadata["annotations"].(pulumi.Map)
	return with(props, "metadata", with(metadata, "annotations", with(
		with(annotations, InstalledByAnnotation, namespace),
		managerAnnotation, pulumi.Sprintf("%s-%s", fieldManager, namespace))))
}

// with returns a copy of the map with one more entry.
func with(m pulumi.Map, key string, value pulumi.Input) pulumi.Map {
	copied := pulumi.Map{key: value}
	for name, old := range m {
		if name != key {
			copied[name] = old
		}
	}
	return copied
}
