package kafka

import (
	"maps"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// Annotations of the Kafka resource, and one of topics, that tell the next deployment
// what there was.
const (
	// PoolsAnnotation lists the pools that hold data, separated by commas.
	PoolsAnnotation = "scalestack/pools"
	// TopicsAnnotation lists the topics that hold data, separated by commas.
	TopicsAnnotation = "scalestack/topics"
	// MessagesAnnotation lists the topics whose stored messages may go, separated by
	// commas: of the Kafka resource all of them, of a KafkaTopic itself. Without any
	// there is none.
	MessagesAnnotation = "scalestack/released-messages"
	// ControllersAnnotation is the number of controllers.
	ControllersAnnotation = "scalestack/controllers"
)

// change is an object as the stack has it and as it will be.
type change struct{ old, next resource.PropertyMap }

// guard refuses updates of an object, in the preview too. Arguments alone cannot show
// what changes: only the engine knows the state, and it passes both sides to a hook.
// Deletions have no guard, because a destroy runs no program.
func (r *registrar) guard(kind string, check func(*Args, change) field.ErrorList) (pulumi.ResourceOption, error) {
	hook, err := r.hook(kind, check)
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeUpdate: []*pulumi.ResourceHook{hook}}), err
}

func (r *registrar) hook(kind string, check func(*Args, change) field.ErrorList) (*pulumi.ResourceHook, error) {
	return r.ctx.RegisterResourceHook(r.name+"-"+kind+"-guard", func(update *pulumi.ResourceHookArgs) error {
		seen := change{old: withOutputs(update.OldInputs, update.OldOutputs), next: update.NewInputs}
		return settings.Err(check(r.args, seen))
	}, &pulumi.ResourceHookOptions{OnDryRun: true})
}

// withOutputs adds what only the outputs have: the status that the operator wrote, and the
// lists of a component that had no inputs yet.
func withOutputs(inputs, outputs resource.PropertyMap) resource.PropertyMap {
	all := maps.Clone(inputs)
	if all == nil {
		all = resource.PropertyMap{}
	}
	for _, key := range []resource.PropertyKey{"status", "pools", "topics"} {
		if _, given := all[key]; !given && outputs.HasValue(key) {
			all[key] = outputs[key]
		}
	}
	return all
}

func annotationPath(name string) string { return `metadata.annotations["` + name + `"]` }

// get returns the two values at a path.
func (c change) get(path string) (old, next resource.PropertyValue) {
	parsed, err := resource.ParsePropertyPath(path)
	if err != nil {
		panic(err) // the paths are constants
	}
	old, _ = parsed.Get(resource.NewObjectProperty(c.old))
	next, _ = parsed.Get(resource.NewObjectProperty(c.next))
	return old, next
}

// known is false for what only the deployment decides.
func (c change) known(path string) bool {
	old, next := c.get(path)
	return !old.ContainsUnknowns() && !next.ContainsUnknowns()
}

func (c change) texts(path string) (old, next string) {
	was, is := c.get(path)
	return text(was), text(is)
}

func text(value resource.PropertyValue) string {
	switch {
	case value.IsString():
		return value.StringValue()
	case value.IsOutput():
		return text(value.OutputValue().Element)
	}
	return ""
}

func (c change) numbers(path string) (old, next int) {
	number := func(value resource.PropertyValue) int {
		if value.IsNumber() {
			return int(value.NumberValue())
		}
		return 0
	}
	was, is := c.get(path)
	return number(was), number(is)
}

// list reads the names in an annotation of the old object.
func (c change) list(annotation string) (names []string, found bool) {
	value, _ := c.get(annotationPath(annotation))
	if !value.IsString() {
		return nil, false
	}
	return strings.FieldsFunc(value.StringValue(), func(r rune) bool { return r == ',' }), true
}

// names reads a list of the old object.
func (c change) names(path string) []string {
	value, _ := c.get(path)
	if !value.IsArray() {
		return nil
	}
	var names []string
	for _, name := range value.ArrayValue() {
		names = append(names, text(name))
	}
	return names
}
