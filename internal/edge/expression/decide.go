package expression

// Verdict is what is known of an expression's result before a request exists.
type Verdict int

// The verdicts, ordered so that and is the minimum and or the maximum.
const (
	No Verdict = iota
	Maybe
	Yes
)

// Known is the part of a request that is known. Everything else is open.
type Known struct {
	// Path is the value of http.request.uri.path.
	Path string
	// Conditions holds comparisons and calls whose result is known, by their text.
	Conditions map[string]bool
}

// Decide evaluates an expression as far as the known part of a request allows. A
// condition on anything unknown may or may not hold; the same goes for a condition that
// this package does not know, and for an expression that it cannot parse.
func Decide(text string, known Known) Verdict {
	root, err := parse(text)
	if err != nil || len(text) > maxLength {
		return Maybe
	}
	return known.decide(root)
}

func (k Known) decide(n node) Verdict {
	switch n := n.(type) {
	case *negation:
		return Yes - k.decide(n.inner)
	case *logical:
		return n.decide(k.decide(n.left), k.decide(n.right))
	}
	for text, holds := range k.Conditions {
		if condition, err := parse(text); err == nil && condition.String() == n.String() {
			return verdict(holds)
		}
	}
	leaf, err := n.compile()
	if err != nil || leaf.kind != boolean || leaf.each || !pathAlone(n) {
		return Maybe
	}
	return verdict(leaf.truth()(&Request{Path: k.Path}))
}

func (l *logical) decide(left, right Verdict) Verdict {
	switch {
	case l.operator == "and":
		return min(left, right)
	case l.operator == "or":
		return max(left, right)
	case left == Maybe || right == Maybe:
		return Maybe
	}
	return verdict(left != right)
}

func verdict(holds bool) Verdict {
	if holds {
		return Yes
	}
	return No
}

// pathAlone is true when n looks at nothing of a request but its path.
func pathAlone(n node) bool {
	switch n := n.(type) {
	case *field:
		return n.name == "http.request.uri.path" || n.name == "http.request.uri.path.extension"
	case *comparison:
		return pathAlone(n.left)
	case *membership:
		return pathAlone(n.left)
	case *negation:
		return pathAlone(n.inner)
	case *index:
		return pathAlone(n.inner)
	case *unpack:
		return pathAlone(n.inner)
	case *call:
		for _, argument := range n.arguments {
			if !pathAlone(argument) {
				return false
			}
		}
		return true
	}
	_, literal := n.(*constant)
	return literal
}
