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
	none := settings{Deployed: []string{}, Drained: []string{}}
	found, err := find(ctx, stack, call)
	if err != nil || found == nil {
		return none, err
	}
	shards, err := output(ctx, stack, call)
	if err != nil {
		return none, err
	}
	if shards == nil {
		return servers(ctx, stack, found.fresh(), call)
	}
	return parse(shards)
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

// output is the stack's output "shards", or nil if it has none.
func output(ctx context.Context, stack string, call caller) (json.RawMessage, error) {
	text, err := call(ctx, "stack", "output", "--json", "--stack", stack)
	if err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := decode(text, &all); err != nil {
		return nil, fmt.Errorf("pulumi stack output: %w", err)
	}
	return all["shards"], nil
}

// server is the end of the name of a shard's StatefulSet.
var server = regexp.MustCompile(`(?:^|-)(shard-[0-9]+)$`)

// servers names the shards by their StatefulSets in the stack's state. An
// update that failed early has made some and has told of none in its outputs;
// nothing of them was drained.
func servers(ctx context.Context, stack string, fresh bool, call caller) (settings, error) {
	kept := settings{Deployed: []string{}, Drained: []string{}}
	text, err := call(ctx, "stack", "export", "--stack", stack)
	if err != nil {
		return kept, err
	}
	var state struct {
		Deployment *struct {
			Resources []struct {
				Type, URN string
				Inputs    struct{ Metadata struct{ Name string } }
			}
		}
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
	for _, resource := range state.Deployment.Resources {
		if !strings.HasSuffix(resource.Type, ":StatefulSet") {
			continue
		}
		match := server.FindStringSubmatch(resource.Inputs.Metadata.Name)
		if match == nil {
			return kept, fmt.Errorf("%s is deployed and has no name of a shard, and the stack has no output \"shards\" that tells", resource.URN)
		}
		kept.Deployed = append(kept.Deployed, match[1])
	}
	return kept, nil
}

// parse reads the output, each shard with a name.
func parse(shards json.RawMessage) (settings, error) {
	kept := settings{Deployed: []string{}, Drained: []string{}}
	var list []struct {
		Name    string
		Drained bool
	}
	if err := decode(shards, &list); err != nil {
		return kept, fmt.Errorf("output shards: %w", err)
	}
	for i, shard := range list {
		if shard.Name == "" {
			return kept, fmt.Errorf("output shards[%d]: no name", i)
		}
		kept.Deployed = append(kept.Deployed, shard.Name)
		if shard.Drained {
			kept.Drained = append(kept.Drained, shard.Name)
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
