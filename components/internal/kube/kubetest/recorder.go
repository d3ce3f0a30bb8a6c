// Package kubetest runs a component against Pulumi's mocks and records what it
// registers, so that a test can check every object against the same rules.
package kubetest

import (
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// Password is what the mocks generate for every random password, so that a
// test can look for it where it must not be.
const Password = "mock-generated-password"

// Recorder keeps the resources of one run in the order of their names.
type Recorder struct {
	mu   sync.Mutex
	seen []pulumi.MockResourceArgs
}

var _ pulumi.MockResourceMonitor = (*Recorder)(nil)

// NewResource records the resource and answers with its inputs and, for an object, an
// identity, as a server without defaults would.
func (r *Recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, args)
	outputs := args.Inputs.Copy()
	if args.TypeToken == "random:index/randomPassword:RandomPassword" {
		outputs["result"] = resource.NewStringProperty(Password)
	}
	if metadata := outputs["metadata"]; metadata.IsObject() && strings.HasPrefix(args.TypeToken, "kubernetes:") {
		known := metadata.ObjectValue().Copy()
		known["uid"] = resource.NewStringProperty(args.Name + "-uid")
		outputs["metadata"] = resource.NewObjectProperty(known)
	}
	return args.Name + "-id", outputs, nil
}

// Call answers an invoke with its arguments.
func (r *Recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return args.Args, nil
}

// Run registers what body makes and returns the record of it.
func Run(t *testing.T, body pulumi.RunFunc) *Recorder {
	t.Helper()
	r := &Recorder{}
	require.NoError(t, pulumi.RunErr(body, pulumi.WithMocks("scalestack", "test", r)))
	return r
}

// All returns the record, sorted by type and name.
func (r *Recorder) All() []pulumi.MockResourceArgs {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := append([]pulumi.MockResourceArgs(nil), r.seen...)
	sort.Slice(all, func(i, j int) bool {
		return all[i].TypeToken+all[i].Name < all[j].TypeToken+all[j].Name
	})
	return all
}

// Names returns "<kind> <object name>" of every Kubernetes object, sorted.
func (r *Recorder) Names() []string {
	var names []string
	for _, one := range r.All() {
		if strings.HasPrefix(one.TypeToken, "kubernetes:") {
			names = append(names, kind(one)+" "+objectName(one))
		}
	}
	sort.Strings(names)
	return names
}

// Get returns the Kubernetes object of that kind and name.
func (r *Recorder) Get(t *testing.T, wantKind, name string) pulumi.MockResourceArgs {
	t.Helper()
	for _, one := range r.All() {
		if kind(one) == wantKind && objectName(one) == name {
			return one
		}
	}
	require.Failf(t, "not registered", "%s %s, only %v", wantKind, name, r.Names())
	return pulumi.MockResourceArgs{}
}

// RequireParented fails for a resource other than the component itself that has
// no parent, or whose logical name does not begin with the component's.
func (r *Recorder) RequireParented(t *testing.T, component string) {
	t.Helper()
	require.Empty(t, r.strays(component), "resources that are not the component's")
}

func (r *Recorder) strays(component string) []string {
	var found []string
	for _, one := range r.All() {
		if one.TypeToken == "pulumi:pulumi:Stack" || one.Name == component {
			continue
		}
		named := strings.HasPrefix(one.Name, component+"-")
		if !named || !strings.HasSuffix(one.RegisterRPC.GetParent(), "::"+component) {
			found = append(found, one.TypeToken+" "+one.Name)
		}
	}
	return found
}

// RequireNoPlainSecret fails when a value that holds secret is not marked as
// one, wherever it is, or when it stands in an object that is not a Secret.
func (r *Recorder) RequireNoPlainSecret(t *testing.T, secret string) {
	t.Helper()
	require.Empty(t, r.leaks(secret), "resources that show the secret")
}

func (r *Recorder) leaks(secret string) []string {
	var found []string
	for _, one := range r.All() {
		all := resource.NewObjectProperty(one.Inputs)
		if strings.Contains(texts(all, kind(one) != "Secret"), secret) {
			found = append(found, one.TypeToken+" "+one.Name)
		}
	}
	return found
}

// Text returns the string at a path such as "spec.template.spec.priorityClassName".
// An absent value is "".
func Text(args pulumi.MockResourceArgs, path string) string {
	value, ok := Value(args, path)
	if !ok || !value.IsString() {
		return ""
	}
	return value.StringValue()
}

// Value returns what is at path, without its mark as a secret.
func Value(args pulumi.MockResourceArgs, path string) (resource.PropertyValue, bool) {
	parsed, err := resource.ParsePropertyPath(path)
	if err != nil {
		return resource.PropertyValue{}, false
	}
	value, ok := parsed.Get(bare(resource.NewObjectProperty(args.Inputs)))
	return value, ok
}

// bare removes the marks of secrets and outputs all the way down.
func bare(value resource.PropertyValue) resource.PropertyValue {
	switch {
	case value.IsSecret():
		return bare(value.SecretValue().Element)
	case value.IsOutput():
		return bare(value.OutputValue().Element)
	case value.IsArray():
		items := make([]resource.PropertyValue, 0, len(value.ArrayValue()))
		for _, item := range value.ArrayValue() {
			items = append(items, bare(item))
		}
		return resource.NewArrayProperty(items)
	case value.IsObject():
		object := resource.PropertyMap{}
		for key, item := range value.ObjectValue() {
			object[key] = bare(item)
		}
		return resource.NewObjectProperty(object)
	}
	return value
}

func kind(args pulumi.MockResourceArgs) string {
	if !strings.HasPrefix(args.TypeToken, "kubernetes:") {
		return ""
	}
	return args.TypeToken[strings.LastIndex(args.TypeToken, ":")+1:]
}

func objectName(args pulumi.MockResourceArgs) string { return Text(args, "metadata.name") }

// texts joins all strings of value, those of secrets only if asked for.
func texts(value resource.PropertyValue, secrets bool) string {
	switch {
	case value.IsString():
		return value.StringValue() + "\n"
	case value.IsSecret() && secrets:
		return texts(value.SecretValue().Element, secrets)
	case value.IsOutput() && (secrets || !value.OutputValue().Secret):
		return texts(value.OutputValue().Element, secrets)
	case value.IsArray():
		var all strings.Builder
		for _, item := range value.ArrayValue() {
			all.WriteString(texts(item, secrets))
		}
		return all.String()
	case value.IsObject():
		var all strings.Builder
		for key, item := range value.ObjectValue() {
			all.WriteString(string(key) + "\n" + texts(item, secrets))
		}
		return all.String()
	}
	return ""
}
