package settings

import (
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

// NewDocs reads comments from the module with this path whose go.mod lies in
// root.
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

// renamed replaces the Go names of a struct's fields.
func renamed(text string, owner reflect.Type) string {
	for _, s := range settingsOf(owner) {
		text = regexp.MustCompile(`\b(Args\.)?`+s.goName+`\b`).ReplaceAllString(text, "`"+s.name+"`")
	}
	return strings.ReplaceAll(text, "``", "`")
}

// comments returns the comments of a package's fields, by "Type.Field".
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
	ast.Inspect(file, func(node ast.Node) bool {
		declared, ok := node.(*ast.TypeSpec)
		if !ok {
			return true
		}
		fields, ok := declared.Type.(*ast.StructType)
		if !ok {
			return false
		}
		for _, one := range fields.Fields.List {
			for _, name := range one.Names {
				found[declared.Name.Name+"."+name.Name] = strings.Join(strings.Fields(one.Doc.Text()), " ")
			}
		}
		return false
	})
}
