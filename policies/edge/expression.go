package edge

import "strings"

// verdict is what is known about a request without sending it.
type verdict int

const (
	no verdict = iota
	maybe
	yes
)

// request is what rules look at. Everything else about it is open.
type request struct {
	path       string
	authorized bool
}

// evaluate runs an expression of Cloudflare's rules language on a request. It
// knows the fields and functions that tell paths apart; whatever else an
// expression asks for may be true or not, and so may one that cannot be read.
func evaluate(expression string, r request) verdict {
	p := &parser{tokens: tokens(expression), request: r}
	v := p.or()
	if p.failed || p.peek() != "" {
		return maybe
	}
	return v
}

type parser struct {
	tokens  []string
	request request
	failed  bool
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	token := p.peek()
	if token == "" {
		p.failed = true
		return ""
	}
	p.tokens = p.tokens[1:]
	return token
}

func (p *parser) accept(words ...string) bool {
	for _, word := range words {
		if p.peek() == word {
			p.next()
			return true
		}
	}
	return false
}

func (p *parser) expect(word string) {
	if !p.accept(word) {
		p.failed = true
	}
}

func (p *parser) or() verdict {
	v := p.and()
	for p.accept("or", "||") {
		v = max(v, p.and())
	}
	return v
}

func (p *parser) and() verdict {
	v := p.not()
	for p.accept("and", "&&") {
		v = min(v, p.not())
	}
	return v
}

func (p *parser) not() verdict {
	if p.accept("not", "!") {
		return yes - p.not()
	}
	if p.accept("(") {
		v := p.or()
		p.expect(")")
		return v
	}
	return p.term()
}

// term is one comparison or call.
func (p *parser) term() verdict {
	switch name := p.next(); name {
	case "true":
		return yes
	case "false":
		return no
	case "starts_with", "ends_with":
		p.expect("(")
		text, known := p.text()
		p.expect(",")
		part, _ := p.text()
		p.expect(")")
		test := strings.HasPrefix
		if name == "ends_with" {
			test = strings.HasSuffix
		}
		return judge(known, test(text, part))
	case "any":
		return p.any()
	default:
		p.tokens = append([]string{name}, p.tokens...)
		return p.comparison()
	}
}

// any is about the Authorization header, or about something that is open.
func (p *parser) any() verdict {
	p.expect("(")
	inner := p.inside()
	if inner == `http.request.headers [ "authorization" ] [ * ] ne ""` {
		return judge(true, p.request.authorized)
	}
	return maybe
}

// inside takes everything up to the closing parenthesis.
func (p *parser) inside() string {
	var words []string
	for depth := 1; !p.failed; {
		word := p.next()
		switch word {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return strings.Join(words, " ")
			}
		}
		words = append(words, word)
	}
	return ""
}

func (p *parser) comparison() verdict {
	text, known := p.text()
	switch operator := p.next(); operator {
	case "eq", "==":
		value, _ := p.text()
		return judge(known, text == value)
	case "ne", "!=":
		value, _ := p.text()
		return judge(known, text != value)
	case "contains":
		value, _ := p.text()
		return judge(known, strings.Contains(text, value))
	case "in":
		return p.in(text, known)
	}
	p.failed = true
	return maybe
}

func (p *parser) in(text string, known bool) verdict {
	p.expect("{")
	found := false
	for !p.failed && !p.accept("}") {
		value, _ := p.text()
		found = found || value == text
	}
	return judge(known, found)
}

// text is a literal, a field or lower() or upper() of one.
func (p *parser) text() (value string, known bool) {
	switch token := p.next(); {
	case strings.HasPrefix(token, `"`):
		return unquote(token), true
	case token == "lower" || token == "upper":
		p.expect("(")
		value, known = p.text()
		p.expect(")")
		if token == "lower" {
			return strings.ToLower(value), known
		}
		return strings.ToUpper(value), known
	case token == "http.request.uri.path":
		return p.request.path, true
	case token == "http.request.uri.path.extension":
		return extension(p.request.path), true
	case token == "(" || token == ")":
		p.failed = true
	}
	return "", false
}

func extension(path string) string {
	name := path[strings.LastIndex(path, "/")+1:]
	dot := strings.LastIndex(name, ".")
	if dot < 0 {
		return ""
	}
	return strings.ToLower(name[dot+1:])
}

func judge(known, holds bool) verdict {
	switch {
	case !known:
		return maybe
	case holds:
		return yes
	}
	return no
}
