// Package expression compiles the part of Cloudflare's Rules language that cache rules
// use: the fields, operators and functions that the pages "Operators and grouping
// symbols", "Values", "Functions reference" and "Fields reference" of Cloudflare's
// documentation describe.
//
// Anything that the package does not know is an error with a position, never false: a
// rule that this package accepts means the same as at Cloudflare.
//
//	e, err := expression.Compile(`starts_with(http.request.uri.path, "/static/")`)
//	cached := e.Matches(&expression.Request{Path: "/static/app.css"})
package expression

import "fmt"

// maxLength is the API's limit for one expression, in characters.
const maxLength = 4096

// Expression is a compiled rule expression. It is safe for concurrent use.
type Expression struct {
	root node
	run  func(*Request) bool
}

// Error is a mistake in an expression.
type Error struct {
	// Position counts bytes from 0.
	Position int
	// Problem says what is wrong.
	Problem string
}

func (e *Error) Error() string { return fmt.Sprintf("position %d: %s", e.Position, e.Problem) }

func problem(position int, format string, args ...any) error {
	return &Error{Position: position, Problem: fmt.Sprintf(format, args...)}
}

// Compile parses an expression and checks its types.
func Compile(text string) (*Expression, error) {
	if len(text) > maxLength {
		return nil, problem(maxLength, "the expression has %d characters, more than %d", len(text), maxLength)
	}
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	compiled, err := root.compile()
	if err != nil {
		return nil, err
	}
	if compiled.kind != boolean {
		return nil, problem(root.position(), "the expression is %s, not true or false%s", compiled.kind, unpackHint(compiled.kind))
	}
	return &Expression{root: root, run: compiled.truth()}, nil
}

func unpackHint(k kind) string {
	if k == listOf(boolean) {
		return ": [*] needs any() or all() around it"
	}
	return ""
}

// Matches evaluates the expression. A value that the request does not have
// makes a comparison false.
func (e *Expression) Matches(r *Request) bool { return e.run(r) }

// String prints the expression with every group in parentheses.
func (e *Expression) String() string { return e.root.String() }
