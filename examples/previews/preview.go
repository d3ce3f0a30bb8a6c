package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optremove"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"

	"github.com/scalestack/scalestack/internal/command"
)

// namesProject is that of the second stack, which makes the environment's name.
const namesProject = "scalestack-previews"

// preview is the environment of one pull request: two stacks called pr-<number>. The
// first is the product, by the program of this repository, and the second its name.
type preview struct {
	name, repo, template        string
	context                     string
	domain, zone, target, class string
}

// host is where the environment is reached.
func (p *preview) host() string { return p.name + "." + p.domain }

// up makes the environment or brings it up to date.
func up(ctx context.Context, p *preview) error {
	product, forget, err := p.product(ctx)
	if err != nil {
		return err
	}
	defer forget()
	if _, err := product.Up(ctx, optup.ProgressStreams(os.Stderr)); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	names, err := p.names(ctx)
	if err != nil {
		return err
	}
	if _, err := names.Up(ctx, optup.ProgressStreams(os.Stderr)); err != nil {
		return fmt.Errorf("name of %s: %w", p.name, err)
	}
	fmt.Println("https://" + p.host())
	return nil
}

// down destroys the environment. It is safe to repeat, and for one that was never made.
func down(ctx context.Context, p *preview) error {
	names, err := p.names(ctx)
	if err != nil {
		return err
	}
	if _, err := names.Destroy(ctx, optdestroy.ProgressStreams(os.Stderr)); err != nil {
		return fmt.Errorf("name of %s: %w", p.name, err)
	}
	product, forget, err := p.product(ctx)
	if err != nil {
		return err
	}
	defer forget()
	// With the program, so that its guards speak first: in another cluster it is refused.
	if _, err := product.Destroy(ctx, optdestroy.RunProgram(true), optdestroy.ProgressStreams(os.Stderr)); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	if err := p.deleteNamespace(ctx); err != nil {
		return err
	}
	// Force, because the state still lists what a destroy keeps: it was in the namespace.
	return errors.Join(
		product.Workspace().RemoveStack(ctx, p.name, optremove.Force()),
		names.Workspace().RemoveStack(ctx, p.name, optremove.Force()),
	)
}

// product is the stack of this repository's program. Its settings are those of the
// template, in a namespace of its own; forget removes the file with them.
func (p *preview) product(ctx context.Context) (_ auto.Stack, forget func(), err error) {
	settings := filepath.Join(p.repo, "Pulumi."+p.name+".yaml")
	template, err := os.ReadFile(p.template)
	if err != nil {
		return auto.Stack{}, nil, err
	}
	if err := os.WriteFile(settings, template, 0o600); err != nil {
		return auto.Stack{}, nil, err
	}
	forget = func() { os.Remove(settings) }
	defer func() {
		if err != nil {
			forget()
		}
	}()
	product, err := auto.UpsertStackLocalSource(ctx, p.name, p.repo)
	if err != nil {
		return product, nil, fmt.Errorf("%s: %w", p.name, err)
	}
	return product, forget, product.SetAllConfigWithOptions(ctx, auto.ConfigMap{
		"scalestack:namespace":          {Value: p.name},
		"scalestack:kubernetes.context": {Value: p.context},
	}, &auto.ConfigOptions{Path: true})
}

// names is the stack of the environment's name. Its program is a function here.
func (p *preview) names(ctx context.Context) (auto.Stack, error) {
	names, err := auto.UpsertStackInlineSource(ctx, p.name, namesProject, p.publish)
	if err != nil {
		return names, fmt.Errorf("name of %s: %w", p.name, err)
	}
	return names, nil
}

// deleteNamespace takes away what a destroy keeps: volumes, shard maps and the event
// log. It refuses a namespace that is not the environment's.
func (p *preview) deleteNamespace(ctx context.Context) error {
	text, reason, err := p.kubectl(ctx, "get", "namespace", p.name, "--ignore-not-found", "-o", "json")
	if err != nil {
		return fmt.Errorf("namespace %s: %s", p.name, reason)
	}
	if len(text) == 0 {
		return nil
	}
	var namespace struct {
		Metadata struct{ Annotations map[string]string }
	}
	if err := json.Unmarshal(text, &namespace); err != nil {
		return fmt.Errorf("namespace %s: %w", p.name, err)
	}
	owner := namespace.Metadata.Annotations["scalestack/owner"]
	if !strings.Contains(owner, "/scalestack/"+p.name+"@") {
		return fmt.Errorf("namespace %s is not deleted: its owner is %q", p.name, owner)
	}
	if _, reason, err := p.kubectl(ctx, "delete", "namespace", p.name, "--timeout=5m"); err != nil {
		return fmt.Errorf("namespace %s: %s", p.name, reason)
	}
	return nil
}

func (p *preview) kubectl(ctx context.Context, args ...string) (output []byte, reason string, err error) {
	return command.Output(ctx, "kubectl", append([]string{"--context", p.context}, args...)...)
}
