package rule

import (
	"slices"
	"strings"
)

// Options are the resource options that policies look at.
type Options struct{ Protect, RetainOnDelete bool }

// Resource is what a policy sees of a resource, whether Pulumi's engine or the mocks of
// a test recorded it.
type Resource struct {
	// Type is the token, for example kubernetes:apps/v1:Deployment.
	Type string
	// Name is the logical name.
	Name string
	// URN is unique in the stack and lists the types of all parents.
	URN string
	// Properties are what JSON decodes to, with Unknown and Secret in it.
	Properties map[string]any
	// Options are nil if the recorder of the resource does not know them.
	Options *Options
}

// At walks down the properties. What a Patch leaves out is unknown, because the object
// may have any value.
func (r Resource) At(keys ...string) Node {
	n := NewNode(r.Properties)
	n.part = r.Patch()
	return n.At(keys...)
}

// Stated is At for what the resource itself says: what a Patch leaves out is absent.
func (r Resource) Stated(keys ...string) Node { return NewNode(r.Properties).At(keys...) }

// provided tells the resources of the providers that policies know from components.
func (r Resource) provided() bool {
	return strings.HasPrefix(r.Type, "kubernetes:") || strings.HasPrefix(r.Type, "cloudflare:")
}

// Ours is false for resources of a vendor's chart: their names and labels are not ours
// to choose.
func (r Resource) Ours() bool { return !strings.Contains(r.URN, "kubernetes:helm.sh/v4:Chart$") }

// String names the resource for people: by the object where there is one.
func (r Resource) String() string {
	name := r.At("metadata", "name").Text()
	if !r.Kubernetes() || name == "" {
		return r.lastPart() + " " + r.Name
	}
	if namespace := r.At("metadata", "namespace").Text(); namespace != "" {
		name = namespace + "/" + name
	}
	return r.lastPart() + " " + name
}

// Graph is every resource of a stack.
type Graph []Resource

// Of returns the resources of these kinds. It leaves out a component with the name of
// one, such as a Service of a program's own package, and Patches, because nobody knows
// the rest of their objects.
func (g Graph) Of(kinds ...string) []Resource { return g.of(false, kinds) }

// Patches returns those that set fields of such objects.
func (g Graph) Patches(kinds ...string) []Resource { return g.of(true, kinds) }

func (g Graph) of(patches bool, kinds []string) []Resource {
	var found []Resource
	for _, r := range g {
		if r.provided() && slices.Contains(kinds, r.Kind()) && r.Patch() == patches {
			found = append(found, r)
		}
	}
	return found
}
