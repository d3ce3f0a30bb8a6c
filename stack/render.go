package stack

import (
	"context"
	"path/filepath"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/cluster"
)

// renderedPrefix begins the identity of a cluster whose objects are written to files.
// Because of it a stack that renders and one that deploys refuse each other's state.
const renderedPrefix = "rendered for "

// unasked is the cluster that rendered objects are for. Only whoever applies them knows
// what it contains.
type unasked struct{ id string }

func (u unasked) ID() string { return u.id }

func (unasked) Namespace(context.Context, string) (*cluster.Object, error) { return nil, nil }

func (unasked) Get(context.Context, schema.GroupVersionResource, string, string) (map[string]any, error) {
	return nil, nil
}

func (unasked) Metadata(context.Context, schema.GroupVersionResource, string) ([]cluster.Object, error) {
	return nil, nil
}

func (unasked) List(context.Context, schema.GroupVersionResource, string) ([]map[string]any, error) {
	return nil, nil
}

func (unasked) Status(context.Context, schema.GroupVersionResource, string, string) (map[string]any, error) {
	return nil, nil
}

// reach asks the cluster that this run deploys to.
func (c *Config) reach(ctx context.Context) (cluster.Interface, error) {
	if c.renders() {
		return unasked{renderedPrefix + c.Kubernetes.Cluster}, nil
	}
	return c.connect(ctx, c.target())
}

func (c *Config) renders() bool { return c.Kubernetes.RenderTo != "" }

// Check refuses a folder together with a cluster that would be contacted.
func (k Kubernetes) Check(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch {
	case k.RenderTo == "":
		return nil
	case k.Context != "":
		errs = append(errs, field.Invalid(path.Child("context"), k.Context, "must be empty with renderTo, which asks no cluster"))
	}
	if !filepath.IsLocal(k.RenderTo) {
		errs = append(errs, field.Invalid(path.Child("renderTo"), k.RenderTo, "must be a folder below that of the project, so that it is the same on every machine"))
	}
	if k.Cluster == "" {
		errs = append(errs, field.Required(path.Child("cluster"), "with renderTo: the uid of namespace kube-system of the cluster that the files are for"))
	}
	return errs
}
