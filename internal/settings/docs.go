package settings

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
)

// Docs finds the doc comments of fields in the source of their packages.
type Docs struct {
	// root is the folder of the module and module its path.
	root, module string
	packages     map[string]map[string]string
}

// NewDocs reads comments from the module with this path whose go.mod is in root.
func NewDocs(root, module string) *Docs {
	return &Docs{root: root, module: module, packages: map[string]map[string]string{}}
}

// Field returns the comment of a field in one line, with the names of settings
// in the place of Go's. It panics on a field without one: a setting that nobody
// explains is not finished.
func (d *Docs) Field(s setting) string {
	text := d.comments(s.owner.PkgPath())[s.owner.Name()+"."+s.goName]
	if text == "" {
		panic(fmt.Sprintf("settings: %s.%s has no doc comment", s.owner, s.goName))
	}
	return renamed(text, s.owner)
}

// Type returns the comment of a struct in one line. It panics on one without.
func (d *Docs) Type(t reflect.Type) string {
	text := d.comments(t.PkgPath())[t.Name()]
	if text == "" {
		panic(fmt.Sprintf("settings: %s has no doc comment", t))
	}
	return text
}

// renamed replaces the Go names of a struct's fields.
func renamed(text string, owner reflect.Type) string {
	for _, s := range settingsOf(owner) {
		text = regexp.MustCompile(`\b(Args\.)?`+s.goName+`\b`).ReplaceAllString(text, "`"+s.name+"`")
	}
	return strings.ReplaceAll(text, "``", "`")
}

// comments returns the comments of a package's structs, by "Type", and of their fields,
// by "Type.Field".
func (d *Docs) comments(pkg string) map[string]string {
	if found, ok := d.packages[pkg]; ok {
		return found
	}
	found := map[string]string{}
	d.packages[pkg] = found
	folder := filepath.Join(d.root, strings.TrimPrefix(strings.TrimPrefix(pkg, d.module), "/"))
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		panic(fmt.Sprintf("settings: no source of %s: %v", pkg, err))
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, content, parser.ParseComments)
		if err != nil {
			panic(err)
		}
		collect(found, parsed)
	}
	return found
}

func collect(found map[string]string, file *ast.File) {
	for _, one := range file.Decls {
		declaration, ok := one.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range declaration.Specs {
			declared, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			found[declared.Name.Name] = line(cmp.Or(declared.Doc, declaration.Doc))
			if fields, ok := declared.Type.(*ast.StructType); ok {
				collectFields(found, declared.Name.Name, fields)
			}
		}
	}
}

func collectFields(found map[string]string, owner string, fields *ast.StructType) {
	for _, one := range fields.Fields.List {
		for _, name := range one.Names {
			found[owner+"."+name.Name] = line(one.Doc)
		}
	}
}

func line(comment *ast.CommentGroup) string { return strings.Join(strings.Fields(comment.Text()), " ") }
