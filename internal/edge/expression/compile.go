package expression

import "strings"

func (l *logical) compile() (compiled, error) {
	left, err := l.side(l.left)
	if err != nil {
		return compiled{}, err
	}
	right, err := l.side(l.right)
	if err != nil {
		return compiled{}, err
	}
	return tested(combine(l.operator, left, right)), nil
}

func (l *logical) side(n node) (func(*Request) bool, error) {
	c, err := n.compile()
	if err != nil {
		return nil, err
	}
	if c.kind != boolean || c.each {
		return nil, problem(n.position(), "%s takes booleans, not %s%s", l.operator, c.kind, unpackHint(c.kind))
	}
	return c.truth(), nil
}

// tested is a boolean that is never missing.
func tested(test func(*Request) bool) compiled {
	return compiled{kind: boolean, test: test, eval: func(r *Request) (value, bool) { return value{truth: test(r)}, true }}
}

// truth takes a missing boolean for false.
func (c compiled) truth() func(*Request) bool {
	if c.test != nil {
		return c.test
	}
	eval := c.eval
	return func(r *Request) bool { v, present := eval(r); return present && v.truth }
}

func combine(operator string, left, right func(*Request) bool) func(*Request) bool {
	switch operator {
	case "and":
		return func(r *Request) bool { return left(r) && right(r) }
	case "or":
		return func(r *Request) bool { return left(r) || right(r) }
	default:
		return func(r *Request) bool { return left(r) != right(r) }
	}
}

func (n *negation) compile() (compiled, error) {
	inner, err := n.inner.compile()
	if err != nil {
		return compiled{}, err
	}
	switch {
	case inner.kind == boolean && !inner.each:
		truth := inner.truth()
		return tested(func(r *Request) bool { return !truth(r) }), nil
	case inner.kind == listOf(boolean) && !inner.each:
		return compiled{kind: inner.kind, eval: mapItems(inner.eval, func(v value) value { return value{truth: !v.truth} })}, nil
	}
	return compiled{}, problem(n.inner.position(), "not takes a boolean, not %s", inner.kind)
}

// mapItems computes each item of a list anew; a missing list stays missing.
func mapItems(eval evaluator, change func(value) value) evaluator {
	return func(r *Request) (value, bool) {
		v, present := eval(r)
		if !present {
			return value{}, false
		}
		changed := make([]value, len(v.items))
		for i, item := range v.items {
			changed[i] = change(item)
		}
		return value{items: changed}, true
	}
}

func (c *comparison) compile() (compiled, error) {
	left, err := c.left.compile()
	if err != nil {
		return compiled{}, err
	}
	if _, err := c.right.compile(); err != nil {
		return compiled{}, err
	}
	test, err := c.test(left.kind)
	if err != nil {
		return compiled{}, err
	}
	return compare(left, test), nil
}

// test checks the types and returns the comparison with the literal.
func (c *comparison) test(left kind) (func(value) bool, error) {
	switch {
	case left > list || left == strMap:
		return nil, problem(c.at, "%s cannot compare %s: take an item with [0], or each with [*] inside any() or all()", c.operator, left)
	case left == boolean:
		return nil, problem(c.at, "%s cannot compare a boolean: it stands alone, or after not", c.operator)
	case left != c.right.kind:
		return nil, problem(c.right.at, "%s compares %s with %s", c.operator, left, c.right.kind)
	}
	if ordering, known := orderings[c.operator]; known {
		if left == address && c.operator != "eq" && c.operator != "ne" {
			return nil, problem(c.at, "%s cannot compare an IP address: use in with a range", c.operator)
		}
		right := c.right.value
		return func(v value) bool { return ordering(order(left, v, right)) }, nil
	}
	if left != str {
		return nil, problem(c.at, "%s takes a string, not %s", c.operator, left)
	}
	if c.operator == "contains" {
		part := c.right.text
		return func(v value) bool { return strings.Contains(v.text, part) }, nil
	}
	pattern, err := ParseWildcard(c.right.text, c.operator == "strict wildcard")
	if err != nil {
		return nil, problem(c.right.at, "%s", err)
	}
	return func(v value) bool { return pattern.Matches(v.text) }, nil
}

// compare runs the test for each item when the list is unpacked. A missing
// value makes it false.
func compare(left compiled, test func(value) bool) compiled {
	eval := left.eval
	if left.each {
		return compiled{kind: listOf(boolean), eval: mapItems(eval, func(v value) value { return value{truth: test(v)} })}
	}
	return tested(func(r *Request) bool {
		v, present := eval(r)
		return present && test(v)
	})
}

var orderings = map[string]func(int) bool{
	"eq": func(o int) bool { return o == 0 }, "ne": func(o int) bool { return o != 0 },
	"lt": func(o int) bool { return o < 0 }, "le": func(o int) bool { return o <= 0 },
	"gt": func(o int) bool { return o > 0 }, "ge": func(o int) bool { return o >= 0 },
}

func order(k kind, a, b value) int {
	switch k {
	case str:
		return strings.Compare(a.text, b.text)
	case address:
		return a.ip.Compare(b.ip)
	}
	switch {
	case a.num < b.num:
		return -1
	case a.num > b.num:
		return 1
	}
	return 0
}

func (m *membership) compile() (compiled, error) {
	left, err := m.left.compile()
	if err != nil {
		return compiled{}, err
	}
	if left.kind != str && left.kind != integer && left.kind != address {
		return compiled{}, problem(m.at, "in cannot look up %s", left.kind)
	}
	for _, c := range m.set {
		if c.kind != left.kind {
			return compiled{}, problem(c.at, "in compares %s with %s", left.kind, c.kind)
		}
	}
	set := m.set
	return compare(left, func(v value) bool {
		for _, c := range set {
			if c.holds(v) {
				return true
			}
		}
		return false
	}), nil
}

func (i *index) compile() (compiled, error) {
	inner, err := i.inner.compile()
	if err != nil {
		return compiled{}, err
	}
	eval := inner.eval
	switch {
	case inner.kind == strMap && !i.numeric:
		key := i.key
		return compiled{kind: listOf(str), eval: func(r *Request) (value, bool) {
			v, present := eval(r)
			if !present {
				return value{}, false
			}
			found := v.pairs(key)
			return stringList(found), found != nil
		}}, nil
	case inner.kind > list && !inner.each && i.numeric:
		n := i.number()
		return compiled{kind: inner.kind - list, eval: func(r *Request) (value, bool) {
			v, present := eval(r)
			if !present || n >= len(v.items) {
				return value{}, false
			}
			return v.items[n], true
		}}, nil
	}
	return compiled{}, problem(i.at, "%s has no %s", inner.kind, i)
}

func (u *unpack) compile() (compiled, error) {
	inner, err := u.inner.compile()
	if err != nil {
		return compiled{}, err
	}
	if inner.kind <= list || inner.each {
		return compiled{}, problem(u.at, "[*] unpacks a list, not %s", inner.kind)
	}
	return compiled{kind: inner.kind - list, each: true, eval: inner.eval}, nil
}

func stringList(texts []string) value {
	items := make([]value, len(texts))
	for i, t := range texts {
		items[i] = value{text: t}
	}
	return value{items: items}
}
