// Package builds compiles the programs that the lab runs, each large dependency only
// once.
package builds

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/stamp"
	"github.com/scalestack/scalestack/lab/internal/step"
)

// Program is one binary.
type Program struct {
	// Name is its file below bin/.
	Name string
	// Title says what it is to a person who waits for it.
	Title string
	// Package is its import path or folder.
	Package string
	// Links are further names that the binary is called by.
	Links []string
	// Variables are set by the linker.
	Variables map[string]string
	// Product programs belong to the product's module, the others to the lab's.
	Product bool
	// Module is the folder below the lab's of a module of its own, for a program whose
	// dependencies must not decide the versions of the others'.
	Module string
	// Sources are the folders of its module that it is compiled from, beside the
	// modules that go.sum pins.
	Sources []string
	// Patched builds against the patched provider, see patch.go.
	Patched bool
	// Trimmed builds a KEDA without the scalers that nobody uses, see keda.go.
	Trimmed bool
}

// Build compiles the program unless nothing that it is made from changed.
func Build(ctx context.Context, p paths.Paths, program Program, log *step.Log) error {
	inputs, err := program.inputs(ctx, p)
	if err != nil {
		return err
	}
	return stamp.Unless(p.Bin(program.Name), inputs, func() error {
		c := compilation{dir: program.module(p), pkg: program.Package, target: p.Bin(program.Name), ldflags: program.ldflags()}
		if modfile, err := program.modfile(ctx, p); err != nil {
			return err
		} else if modfile != "" {
			c.flags = []string{"-modfile", modfile}
		}
		if err := c.run(ctx, log); err != nil {
			return err
		}
		return link(p, program)
	})
}

// modfile is another go.mod than that of the program's module, or empty.
func (p Program) modfile(ctx context.Context, at paths.Paths) (string, error) {
	switch {
	case p.Patched:
		return patchedModfile(ctx, at)
	case p.Trimmed:
		return trimmedModfile(ctx, at)
	}
	return "", nil
}

// module is the folder of the module that the program belongs to.
func (p Program) module(at paths.Paths) string {
	if p.Product {
		return at.Repo
	}
	return filepath.Join(at.Repo, "lab", p.Module)
}

func (p Program) inputs(ctx context.Context, at paths.Paths) (string, error) {
	parts := []string{GoVersion(ctx), fmt.Sprint(p)}
	for _, source := range append([]string{"go.mod", "go.sum"}, p.Sources...) {
		part, err := stamp.Of(filepath.Join(p.module(at), source), ".go", ".mod", ".sum", ".html", ".css", ".js")
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	return stamp.Join(parts...), nil
}

func (p Program) ldflags() string {
	all := []string{"-s", "-w"}
	for _, name := range sortedKeys(p.Variables) {
		all = append(all, "-X", name+"="+p.Variables[name])
	}
	return strings.Join(all, " ")
}

func link(p paths.Paths, program Program) error {
	for _, name := range program.Links {
		path := p.Bin(name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := os.Symlink(p.Bin(program.Name), path); err != nil {
			return err
		}
	}
	return nil
}

// GoVersion is the toolchain that compiles: another one means another binary.
func GoVersion(ctx context.Context) string {
	output, _ := exec.CommandContext(ctx, "go", "version").Output()
	return strings.TrimSpace(string(output))
}
