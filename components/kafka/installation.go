package kafka

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// forceVariable makes the provider take fields over from others, and the guard let it.
const forceVariable = "PULUMI_K8S_ENABLE_PATCH_FORCE"

// installationGuard refuses to install an operator where one is already installed, in
// the preview too: two operators would undo each other's work. It reads the API
// server's answer to a creation, which is a dry run in a preview: an object that
// existed before lists its other field managers. Only the first object is reported,
// because the others have the same cause.
func (r *registrar) installationGuard() (*pulumi.ResourceHook, error) {
	var once sync.Once
	return r.ctx.RegisterResourceHook(r.name+"-installation-guard", func(made *pulumi.ResourceHookArgs) error {
		if os.Getenv(forceVariable) == "true" {
			return nil
		}
		var err error
		if errs := installedBefore(made.NewInputs, made.NewOutputs); len(errs) > 0 {
			once.Do(func() { err = settings.Err(errs) })
		}
		return err
	}, &pulumi.ResourceHookOptions{OnDryRun: true})
}

// installedBefore reports an object that others have applied. An answer without field
// managers is no answer of the API server: the preview could not ask, and the deployment
// will.
func installedBefore(inputs, outputs resource.PropertyMap) field.ErrorList {
	object := change{old: outputs, next: inputs}
	_, own := object.texts(annotationPath(managerAnnotation))
	managers, _ := object.get("metadata.managedFields")
	others := otherManagers(managers, own)
	if len(others) == 0 {
		return nil
	}
	kind, _ := object.texts("kind")
	name, _ := object.texts("metadata.name")
	return field.ErrorList{field.Forbidden(field.NewPath("operator", "mode"), fmt.Sprintf(
		"install: %s %s is in this cluster already, applied by %s. Fix: let one stack install, with operator.watchAllNamespaces, "+
			"and set mode present here; to take an abandoned installation over, deploy once with %s=true",
		kind, name, strings.Join(others, ", "), forceVariable))}
}

// otherManagers are those that are neither our own nor a part of Kubernetes, sorted.
func otherManagers(managers resource.PropertyValue, own string) []string {
	if !managers.IsArray() {
		return nil
	}
	var others []string
	for _, entry := range managers.ArrayValue() {
		if !entry.IsObject() {
			continue
		}
		manager, part := text(entry.ObjectValue()["manager"]), text(entry.ObjectValue()["subresource"])
		if part == "status" || manager == own || strings.HasPrefix(manager, "kube-") || manager == "clusterrole-aggregation-controller" {
			continue
		}
		others = append(others, fmt.Sprintf("%q", manager))
	}
	slices.Sort(others)
	return slices.Compact(others)
}
