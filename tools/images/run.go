package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// run changes the stacks' files only once every image is in the registry, whole.
func (j *job) run(ctx context.Context) error {
	var stacks []*stackFile
	var errs []error
	for _, file := range j.files {
		stack, err := readStack(file, j.registry)
		stacks, errs = append(stacks, stack), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := j.describe(ctx); err != nil {
		return err
	}
	if j.base == "" {
		base, err := j.pushBase()
		if err != nil {
			return fmt.Errorf("base: %w", err)
		}
		j.base = base.String()
	}
	built := map[string]name.Digest{}
	for _, p := range programs {
		if p.optional && !wanted(stacks, p) {
			continue
		}
		image, err := j.build(ctx, j, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if err := j.check(image); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		built[p.name] = image
		fmt.Println(image)
	}
	for _, stack := range stacks {
		if err := stack.write(built); err != nil {
			return err
		}
	}
	return nil
}

// describe finds the tag. Two builds of one commit may differ where files were changed
// after it, and the tag says so.
func (j *job) describe(ctx context.Context) error {
	if j.tag != "" {
		return nil
	}
	out, err := exec.CommandContext(ctx, "git", "-C", j.repo, "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return fmt.Errorf("tag: git describe: %w", err)
	}
	j.tag = strings.NewReplacer("/", "-", "+", "-").Replace(strings.TrimSpace(string(out)))
	return nil
}

// wanted reports whether a stack's file names the program; without files everything is
// built.
func wanted(stacks []*stackFile, p program) bool {
	return len(stacks) == 0 || slices.ContainsFunc(stacks, func(s *stackFile) bool { return len(s.found[p.name]) > 0 })
}
