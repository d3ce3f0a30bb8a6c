package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// object is one object of a stack's state.
type object struct {
	apiVersion, kind, namespace, name string
	// manager is the field manager that the state names.
	manager string
}

func (o object) String() string {
	return o.kind + " " + strings.TrimPrefix(o.namespace+"/"+o.name, "/")
}

// adopt takes the managers of earlier lives off every object of the stack. It goes on
// after an object that fails, and then fails.
func adopt(ctx context.Context, stack, target string, call caller, out io.Writer) error {
	text, err := call(ctx, "pulumi", "stack", "export", "--stack", stack, "--non-interactive")
	if err != nil {
		return err
	}
	objects, err := parse(text)
	if err != nil {
		return err
	}
	var errs []error
	taken := 0
	for _, o := range objects {
		lost, err := o.adopt(ctx, target, call)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o, err))
		}
		if lost > 0 {
			taken++
		}
	}
	fmt.Fprintf(out, "%d objects of %s, %d of them with a manager of an earlier life, which is gone now\n", len(objects), stack, taken)
	return errors.Join(errs...)
}

// parse lists the objects of a state. One without objects is an error: it is not the
// state of a product that was taken over.
func parse(text []byte) ([]object, error) {
	var state struct {
		Deployment struct {
			Resources []struct {
				Type    string
				Custom  bool
				Outputs struct {
					APIVersion string `json:"apiVersion"`
					Kind       string
					Manager    string `json:"__fieldManager"`
					Metadata   struct{ Name, Namespace string }
				}
			}
		}
	}
	if err := json.Unmarshal(text, &state); err != nil {
		return nil, fmt.Errorf("pulumi stack export: %w", err)
	}
	var objects []object
	for _, r := range state.Deployment.Resources {
		// Patches own fields of others' objects, and providers are none.
		if o := r.Outputs; r.Custom && strings.HasPrefix(r.Type, "kubernetes:") && o.Kind != "" && !strings.HasSuffix(r.Type, "Patch") {
			objects = append(objects, object{o.APIVersion, o.Kind, o.Metadata.Namespace, o.Metadata.Name, o.Manager})
		}
	}
	if len(objects) == 0 {
		return nil, errors.New("the state holds no object of Kubernetes: run pulumi up first")
	}
	return objects, nil
}

// live is what the API server has.
type live struct {
	Metadata struct {
		ResourceVersion string `json:"resourceVersion"`
		ManagedFields   []struct{ Manager, Operation string }
	}
}

// adopt returns how many managers of earlier lives it has removed.
func (o object) adopt(ctx context.Context, target string, call caller) (int, error) {
	text, err := call(ctx, "kubectl", o.kubectl(target, "get", "-o", "json", "--show-managed-fields")...)
	if err != nil {
		return 0, err
	}
	var l live
	if err := json.Unmarshal(text, &l); err != nil {
		return 0, fmt.Errorf("kubectl get: %w", err)
	}
	patch, lost, err := l.without(o.manager)
	if err != nil || lost == 0 {
		return 0, err
	}
	_, err = call(ctx, "kubectl", o.kubectl(target, "patch", "--type", "json", "--patch", patch)...)
	return lost, err
}

// kubectl names the object in full, since two groups may have kinds of the same name.
func (o object) kubectl(target, verb string, more ...string) []string {
	group, version, grouped := strings.Cut(o.apiVersion, "/")
	resource := o.kind
	if grouped {
		resource += "." + version + "." + group
	}
	args := []string{verb, resource, o.name}
	if o.namespace != "" {
		args = append(args, "--namespace", o.namespace)
	}
	if target != "" {
		args = append(args, "--context", target)
	}
	return append(args, more...)
}

// generated is the name that the provider makes up for an object.
var generated = regexp.MustCompile(`^pulumi-kubernetes-[0-9a-f]+$`)

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// without is the patch that leaves manager and everybody who is not a lost life of it.
// An object that manager has not applied would belong to nobody, and is an error.
func (l live) without(manager string) (patch string, lost int, err error) {
	owned := false
	var operations []operation
	// From the end: each removal moves those behind it.
	for i := len(l.Metadata.ManagedFields) - 1; i >= 0; i-- {
		m := l.Metadata.ManagedFields[i]
		switch {
		case m.Operation != "Apply":
		case m.Manager == manager:
			owned = true
		case generated.MatchString(m.Manager):
			operations = append(operations, operation{Op: "remove", Path: fmt.Sprintf("/metadata/managedFields/%d", i)})
		}
	}
	if len(operations) == 0 {
		return "", 0, nil
	}
	if !owned {
		return "", 0, fmt.Errorf("%s, which the state names, has not applied it: run pulumi up first", manager)
	}
	lost = len(operations)
	// Refused if anybody changed the object meanwhile.
	operations = append([]operation{{Op: "test", Path: "/metadata/resourceVersion", Value: l.Metadata.ResourceVersion}}, operations...)
	text, err := json.Marshal(operations)
	return string(text), lost, err
}
