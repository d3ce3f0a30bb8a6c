package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// settings are those of policy shards-kept.
type settings struct {
	// Deployed are the names of the shards that are deployed now.
	Deployed []string `json:"deployed"`
	// Drained are the names of those that hold no bucket any more.
	Drained []string `json:"drained"`
}

// caller runs pulumi with arguments and returns its standard output.
type caller func(ctx context.Context, args ...string) ([]byte, error)

// read asks for the stack's shards. An error of the CLI, whatever it means, is
// an error here: only a listing that the backend gave says that a stack does
// not exist.
func read(ctx context.Context, stack string, call caller) (settings, error) {
	found, err := find(ctx, stack, call)
	if err != nil || found == nil {
		return settings{Deployed: []string{}, Drained: []string{}}, err
	}
	return servers(ctx, stack, found.fresh(), call)
}

// listed is what `pulumi stack ls` tells about a stack.
type listed struct {
	Name             string
	LastUpdate       string
	UpdateInProgress bool
	ResourceCount    int
}

// fresh is true for a stack that was never updated.
func (l listed) fresh() bool {
	return l.LastUpdate == "" && !l.UpdateInProgress && l.ResourceCount == 0
}

// find looks for the stack in the backend's list, which names a stack of
// another project in full and one of the current project by its last part.
// It returns nil for a stack that does not exist.
func find(ctx context.Context, stack string, call caller) (*listed, error) {
	args := []string{"stack", "ls", "--json"}
	parts := strings.Split(stack, "/")
	switch {
	case slices.Contains(parts, "") || len(parts) == 2 || len(parts) > 3:
		return nil, errors.New("expected STACK or ORGANIZATION/PROJECT/STACK")
	case len(parts) == 3:
		args = append(args, "--organization", parts[0], "--project", parts[1])
	}
	name := parts[len(parts)-1]
	text, err := call(ctx, args...)
	if err != nil {
		return nil, err
	}
	var list []listed
	if err := decode(text, &list); err != nil {
		return nil, fmt.Errorf("pulumi stack ls: %w", err)
	}
	for _, one := range list {
		if one.Name[strings.LastIndex(one.Name, "/")+1:] == name {
			return &one, nil
		}
	}
	return nil, nil
}

// server is the end of the name of a shard's StatefulSet. Each member of the shard but the
// first one has a number behind it.
var server = regexp.MustCompile(`(?:^|-)(shard-[0-9]+)(-m[0-9]+)?$`)

// drainedAnnotation on a StatefulSet says that no user's data is in it.
const drainedAnnotation = "scalestack/drained"

// statefulSet is one of the resources in a state.
type statefulSet struct {
	Type, URN string
	Inputs    struct {
		Metadata struct {
			Name        string
			Annotations map[string]string
		}
	}
}

// servers names the shards by their StatefulSets in the stack's state. The outputs are no
// proof: a refresh with the program of the next deployment (.github/deploy.sh) writes what
// that is to have into them, and leaves the objects as they are.
func servers(ctx context.Context, stack string, fresh bool, call caller) (settings, error) {
	kept := settings{Deployed: []string{}, Drained: []string{}}
	text, err := call(ctx, "stack", "export", "--stack", stack)
	if err != nil {
		return kept, err
	}
	var state struct {
		Deployment *struct{ Resources []statefulSet }
	}
	if err := decode(text, &state); err != nil {
		return kept, fmt.Errorf("pulumi stack export: %w", err)
	}
	if state.Deployment == nil {
		if fresh {
			return kept, nil
		}
		return kept, errors.New("pulumi stack export: no deployment in the answer")
	}
	for _, one := range state.Deployment.Resources {
		if !strings.HasSuffix(one.Type, ":StatefulSet") {
			continue
		}
		match := server.FindStringSubmatch(one.Inputs.Metadata.Name)
		switch {
		case match == nil:
			return kept, fmt.Errorf("%s is deployed and has no name of a shard", one.URN)
		case match[2] != "" || slices.Contains(kept.Deployed, match[1]):
			continue
		}
		kept.Deployed = append(kept.Deployed, match[1])
		if one.Inputs.Metadata.Annotations[drainedAnnotation] != "" {
			kept.Drained = append(kept.Drained, match[1])
		}
	}
	return kept, nil
}

// decode refuses null, which encoding/json takes for an empty list or object.
func decode(text []byte, into any) error {
	if strings.TrimSpace(string(text)) == "null" {
		return errors.New("the answer is null")
	}
	return json.Unmarshal(text, into)
}
