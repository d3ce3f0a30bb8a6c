package v2

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const sdk = "github.com/pulumi/pulumi-kubernetes/sdk/v4"

// The source of the SDK says which type it gives to each kind that it knows.
func TestTypesAreThoseOfTheSDK(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", sdk).Output()
	require.NoError(t, err)
	file := filepath.Join(strings.TrimSpace(string(output)), "go", "kubernetes", "yaml", "v2", "kinds.go")
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	kinds := 0
	ast.Inspect(parsed, func(node ast.Node) bool {
		clause, ok := node.(*ast.CaseClause)
		if !ok || len(clause.List) != 1 {
			return true
		}
		if got := registeredAs(clause); got != "" {
			kinds++
			apiVersion, kind := filepath.Split(text(t, clause.List[0]))
			require.Equal(t, got, resourceType(strings.TrimSuffix(apiVersion, "/"), kind))
		}
		return true
	})
	require.Greater(t, kinds, 100)
	require.Equal(t, "kubernetes:kafka.strimzi.io/v1beta2:Kafka", resourceType("kafka.strimzi.io/v1beta2", "Kafka"))
}

// registeredAs is the text that a case calls RegisterResource with, or empty.
func registeredAs(clause *ast.CaseClause) (found string) {
	ast.Inspect(clause, func(node ast.Node) bool {
		if call, ok := node.(*ast.CallExpr); ok {
			method, ok := call.Fun.(*ast.SelectorExpr)
			if ok && method.Sel.Name == "RegisterResource" {
				if literal, ok := call.Args[0].(*ast.BasicLit); ok {
					found, _ = strconv.Unquote(literal.Value)
				}
			}
		}
		return true
	})
	return found
}

func text(t *testing.T, value ast.Expr) string {
	t.Helper()
	unquoted, err := strconv.Unquote(value.(*ast.BasicLit).Value)
	require.NoError(t, err)
	return unquoted
}
