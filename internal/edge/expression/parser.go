package expression

import (
	"slices"
	"strconv"
)

// The grammar, the weakest binding first, as the page "Operators and grouping
// symbols" orders it:
//
//	or         = xor { ("or" | "||") xor }
//	xor        = and { ("xor" | "^^") and }
//	and        = not { ("and" | "&&") not }
//	not        = ("not" | "!") not | comparison
//	comparison = value [ operator literal | "in" "{" literal { literal } "}" ]
//	value      = "(" or ")" | function "(" [ argument { "," argument } ] ")" { index } | field { index } | "true" | "false"
//	argument   = or | literal
//	index      = "[" ( string | integer ) "]" | "[*]"
type parser struct {
	lexer   lexer
	current token
	err     error
}

// parse returns the tree of a whole text.
func parse(input string) (node, error) {
	p := &parser{lexer: lexer{input: input}}
	p.advance()
	root := p.binary(0)
	if p.err == nil && p.current.kind != endOfText {
		p.failf(p.current.position, "%s stands after the end of the expression", p.current)
	}
	return root, p.err
}

// advance stops at the first mistake: from there on every token is the end.
func (p *parser) advance() token {
	read := p.current
	if p.err == nil {
		p.current, p.err = p.lexer.next()
	}
	if p.err != nil {
		p.current = token{kind: endOfText, position: p.lexer.at}
	}
	return read
}

func (p *parser) failf(position int, format string, args ...any) node {
	if p.err == nil {
		p.err = problem(position, format, args...)
	}
	p.current = token{kind: endOfText, position: position}
	return &constant{at: position}
}

// is reports whether the next token is one of these words or symbols.
func (p *parser) is(values ...string) bool {
	return (p.current.kind == word || p.current.kind == symbol) && slices.Contains(values, p.current.value)
}

func (p *parser) expect(value string) {
	if !p.is(value) {
		p.failf(p.current.position, "%s stands where %s was expected", p.current, value)
		return
	}
	p.advance()
}

// levels are the binary operators, the weakest first; the first name is the
// one that is printed.
var levels = [][]string{{"or", "||"}, {"xor", "^^"}, {"and", "&&"}}

func (p *parser) binary(level int) node {
	if level == len(levels) {
		return p.not()
	}
	left := p.binary(level + 1)
	for p.is(levels[level]...) {
		at := p.advance().position
		left = &logical{at: at, operator: levels[level][0], left: left, right: p.binary(level + 1)}
	}
	return left
}

func (p *parser) not() node {
	if p.is("not", "!") {
		at := p.advance().position
		return &negation{at: at, inner: p.not()}
	}
	return p.comparison()
}

// operators maps each spelling to the one that is printed.
var operators = map[string]string{
	"eq": "eq", "==": "eq", "ne": "ne", "!=": "ne", "lt": "lt", "<": "lt", "le": "le", "<=": "le",
	"gt": "gt", ">": "gt", "ge": "ge", ">=": "ge", "contains": "contains", "wildcard": "wildcard",
}

func (p *parser) comparison() node {
	left := p.value()
	at := p.current.position
	switch {
	case p.is("matches", "~"):
		return p.failf(at, "matches needs the plan Business or Enterprise; use wildcard, starts_with or ends_with")
	case p.is("in"):
		p.advance()
		return &membership{at: at, left: left, set: p.set()}
	case p.is("strict"):
		p.advance()
		p.expect("wildcard")
		return &comparison{at: at, operator: "strict wildcard", left: left, right: p.literal()}
	case p.current.kind == word || p.current.kind == symbol:
		if operator, known := operators[p.current.value]; known {
			p.advance()
			return &comparison{at: at, operator: operator, left: left, right: p.literal()}
		}
	}
	return left
}

func (p *parser) set() []*constant {
	if p.is("$") {
		p.failf(p.current.position, "named lists belong to an account and are not known here; name the values in { }")
		return nil
	}
	p.expect("{")
	var set []*constant
	for !p.is("}") && p.current.kind != endOfText {
		set = append(set, p.literal())
	}
	if p.err == nil && len(set) == 0 {
		p.failf(p.current.position, "the set is empty")
	}
	p.expect("}")
	return set
}

func (p *parser) value() node {
	switch t := p.current; {
	case p.is("("):
		p.advance()
		inner := p.binary(0)
		p.expect(")")
		return inner
	case p.is("true", "false"):
		p.advance()
		return &constant{at: t.position, kind: boolean, value: value{truth: t.value == "true"}}
	case t.kind == word:
		p.advance()
		if p.is("(") {
			return p.indexes(p.call(t))
		}
		return p.indexes(&field{at: t.position, name: t.value})
	default:
		return p.failf(t.position, "%s stands where a field, a function or ( was expected", t)
	}
}

func (p *parser) call(name token) node {
	p.advance()
	c := &call{at: name.position, name: name.value}
	for !p.is(")") && p.current.kind != endOfText {
		if len(c.arguments) > 0 {
			p.expect(",")
		}
		c.arguments = append(c.arguments, p.argument())
	}
	p.expect(")")
	return c
}

func (p *parser) argument() node {
	if p.current.kind == text || p.current.kind == number {
		return p.literal()
	}
	return p.binary(0)
}

func (p *parser) indexes(inner node) node {
	for {
		at := p.current.position
		switch {
		case p.is("[*]"):
			p.advance()
			inner = &unpack{at: at, inner: inner}
		case p.is("["):
			p.advance()
			key := p.advance()
			i := &index{at: at, inner: inner, key: key.value, numeric: key.kind == number}
			if n, err := strconv.Atoi(key.value); i.numeric {
				if err != nil || n < 0 {
					return p.failf(key.position, "%s is no index", key)
				}
				i.key = strconv.Itoa(n)
			}
			if !i.numeric && key.kind != text {
				return p.failf(key.position, "%s stands where an index or a key was expected", key)
			}
			p.expect("]")
			inner = i
		default:
			return inner
		}
	}
}

func (p *parser) literal() *constant {
	t := p.advance()
	switch t.kind {
	case text:
		return &constant{at: t.position, kind: str, value: value{text: t.value}}
	case number:
		c, err := parseNumber(t)
		if err != nil && p.err == nil {
			p.err = err
		}
		return c
	}
	p.failf(t.position, "%s stands where a string, a number or an address was expected", t)
	return &constant{at: t.position}
}
