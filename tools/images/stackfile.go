package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"go.yaml.in/yaml/v3"
)

// stackFile is a stack's configuration and where it names the programs' images. It is
// changed as text: an encoder, as that of pulumi config set --path, would write every
// anchor and comment anew.
type stackFile struct {
	path  string
	lines []string
	found map[string][]place
}

// place is a value of the file: the line's index, the byte where the value begins at
// the earliest, and the value.
type place struct {
	line, column int
	value        string
}

// readStack finds each program's image, by the repository: scalestack/<name>, as in
// the examples, or <registry>/<name>. Another repository's image is somebody else's
// program.
func readStack(path, registry string) (*stackFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := &stackFile{path: path, lines: strings.Split(string(text), "\n"), found: map[string][]place{}}
	var others []string
	eachImage(&document, func(n *yaml.Node) {
		repository := repositoryOf(n.Value)
		for _, p := range programs {
			if repository == "scalestack/"+p.name || repository == registry+"/"+p.name {
				f.found[p.name] = append(f.found[p.name], place{n.Line - 1, n.Column - 1, n.Value})
				return
			}
		}
		others = append(others, n.Value)
	})
	var errs []error
	for _, p := range programs {
		if len(f.found[p.name]) == 0 && !p.optional {
			errs = append(errs, fmt.Errorf("%s: no image is scalestack/%[2]s or %[3]s/%[2]s, but %[4]v. Fix: name one of the two where the stack runs %[2]s",
				path, p.name, registry, others))
		}
	}
	return f, errors.Join(errs...)
}

// eachImage visits the scalar of every key image.
func eachImage(n *yaml.Node, visit func(*yaml.Node)) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "image" && n.Content[i+1].Kind == yaml.ScalarNode {
				visit(n.Content[i+1])
			}
		}
	}
	for _, child := range n.Content {
		eachImage(child, visit)
	}
}

// repositoryOf is the image without tag and digest.
func repositoryOf(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if colon := strings.LastIndex(image, ":"); colon > strings.LastIndex(image, "/") {
		image = image[:colon]
	}
	return image
}

// write replaces the images and nothing else, in one step.
func (f *stackFile) write(built map[string]name.Digest) error {
	for _, program := range slices.Sorted(maps.Keys(f.found)) {
		for _, at := range f.found[program] {
			line := f.lines[at.line]
			start := strings.Index(line[at.column:], at.value)
			if start < 0 {
				return fmt.Errorf("%s:%d: the image is not written as one word", f.path, at.line+1)
			}
			start += at.column
			f.lines[at.line] = line[:start] + built[program].String() + line[start+len(at.value):]
		}
	}
	return replace(f.path, strings.Join(f.lines, "\n"))
}

// replace leaves the old file or the new one, whatever happens in between.
func replace(path, text string) error {
	old, err := os.Stat(path)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".images-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	if _, err := temp.WriteString(text); err != nil {
		return err
	}
	if err := errors.Join(temp.Chmod(old.Mode().Perm()), temp.Sync()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
