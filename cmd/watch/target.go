package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/internal/command"
)

// target is where the deployment's pods are.
type target struct {
	// context of the kubeconfig. Default: the current one.
	context string
	// namespace. Default: the stack's own default.
	namespace string
}

// defaultNamespace is that of the setting `namespace`.
const defaultNamespace = "scalestack"

// stackFlags are the flags by which Pulumi finds a stack's settings.
var stackFlags = []string{"--stack", "-s", "--config-file", "--cwd", "-C"}

// settled fills in what no flag names: from the settings of the stack that the
// deployment is of, since a kubeconfig's current context may be another cluster's.
func (t target) settled(ctx context.Context, deployment []string) (target, error) {
	if t.context == "" || t.namespace == "" {
		set, err := settingsOf(ctx, deployment)
		if err != nil {
			return t, err
		}
		t.context, t.namespace = cmp.Or(t.context, set.context), cmp.Or(t.namespace, set.namespace)
	}
	t.namespace = cmp.Or(t.namespace, defaultNamespace)
	return t, nil
}

// settingsOf asks Pulumi. Another command than Pulumi has no settings.
func settingsOf(ctx context.Context, deployment []string) (target, error) {
	if filepath.Base(deployment[0]) != "pulumi" {
		return target{}, nil
	}
	text, reason, err := command.Output(ctx, deployment[0], append([]string{"config", "--json", "--non-interactive"}, stackOf(deployment[1:])...)...)
	if err != nil {
		return target{}, fmt.Errorf("cannot read the stack's settings, so --context and --namespace have to say where its pods are: %s", reason)
	}
	var settings struct {
		Namespace struct {
			Value string `json:"value"`
		} `json:"scalestack:namespace"`
		Kubernetes struct {
			Object struct {
				Context string `json:"context"`
			} `json:"objectValue"`
		} `json:"scalestack:kubernetes"`
	}
	if err := json.Unmarshal(text, &settings); err != nil {
		return target{}, fmt.Errorf("the stack's settings: %w", err)
	}
	return target{settings.Kubernetes.Object.Context, settings.Namespace.Value}, nil
}

// stackOf are the deployment's flags that select the stack.
func stackOf(args []string) (flags []string) {
	for i, arg := range args {
		name, _, joined := strings.Cut(arg, "=")
		switch {
		case shortWithValue(arg):
			flags = append(flags, arg)
		case !slices.Contains(stackFlags, name):
		case joined:
			flags = append(flags, arg)
		case i+1 < len(args):
			flags = append(flags, arg, args[i+1])
		}
	}
	return flags
}

// shortWithValue reports whether a value follows a flag of one letter without a space, as in -sprod.
func shortWithValue(arg string) bool {
	return len(arg) > 2 && arg[1] != '-' && slices.Contains(stackFlags, arg[:2])
}

// look asks kubectl for the namespace's pods and warnings.
func (t target) look(ctx context.Context) (s snapshot, err error) {
	s.namespace = t.namespace
	if err := t.get(ctx, &s.Pods, "pods"); err != nil {
		return s, err
	}
	// Without Strimzi, or the right to read its resources, the pods still tell.
	_ = t.get(ctx, &s.Kafka, strimzi)
	return s, t.get(ctx, &s.Events, "events", "--field-selector", "type=Warning")
}

func (t target) get(ctx context.Context, into any, what ...string) error {
	args := append([]string{"get", "--namespace", t.namespace, "-o", "json", "--request-timeout", "10s"}, what...)
	if t.context != "" {
		args = append(args, "--context", t.context)
	}
	text, reason, err := command.Output(ctx, "kubectl", args...)
	if err != nil {
		return fmt.Errorf("kubectl get %s: %s", what[0], reason)
	}
	return json.Unmarshal(text, into)
}
