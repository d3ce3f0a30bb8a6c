package expression

import "strings"

// function is a function of the language. check returns the kind of the
// result for the kinds of the arguments, or what is wrong with them.
type function struct {
	check func(arguments []compiled) (kind, string)
	// apply gets every argument's value; none is missing. The first comes apart:
	// the others are mostly literals, whose values are the same for each request.
	apply func(first value, others []value) value
}

// functions are those of the "Functions reference" that cache rules may use;
// the others there are for rewrites or for the firewall only.
var functions = map[string]function{
	"starts_with": {check: sourceAndText, apply: func(a value, b []value) value { return value{truth: strings.HasPrefix(a.text, b[0].text)} }},
	"ends_with":   {check: sourceAndText, apply: func(a value, b []value) value { return value{truth: strings.HasSuffix(a.text, b[0].text)} }},
	"lower":       {check: oneText, apply: func(a value, _ []value) value { return value{text: lower(a.text)} }},
	"upper":       {check: oneText, apply: func(a value, _ []value) value { return value{text: upper(a.text)} }},
	"url_decode":  {check: oneText, apply: func(a value, _ []value) value { return value{text: decoded(a.text)} }},
	"concat":      {check: texts, apply: concat},
	"len":         {check: measurable, apply: length},
	"any":         {check: booleans, apply: anyTrue},
	"all":         {check: booleans, apply: allTrue},
}

func sourceAndText(a []compiled) (kind, string) {
	switch {
	case len(a) != 2:
		return 0, "takes a source and a string"
	case a[0].kind != str || a[1].kind != str || a[1].each:
		return 0, "takes two strings"
	case a[0].literal:
		return 0, "takes a field as its source, not a literal"
	}
	return boolean, ""
}

func oneText(a []compiled) (kind, string) {
	if len(a) != 1 || a[0].kind != str {
		return 0, "takes one string"
	}
	return str, ""
}

func texts(a []compiled) (kind, string) {
	if len(a) == 0 {
		return 0, "takes at least one string"
	}
	for i, c := range a {
		if c.kind != str || (c.each && i > 0) {
			return 0, "takes strings; [*] is only possible in the first"
		}
	}
	return str, ""
}

func measurable(a []compiled) (kind, string) {
	if len(a) != 1 || (a[0].kind != str && a[0].kind < list) {
		return 0, "takes a string or a list"
	}
	return integer, ""
}

func booleans(a []compiled) (kind, string) {
	if len(a) != 1 || a[0].kind != listOf(boolean) {
		return 0, "takes a comparison of a list that [*] unpacks"
	}
	return boolean, ""
}

func concat(a value, others []value) value {
	var b strings.Builder
	b.WriteString(a.text)
	for _, v := range others {
		b.WriteString(v.text)
	}
	return value{text: b.String()}
}

func length(a value, _ []value) value {
	if a.items != nil {
		return value{num: int64(len(a.items))}
	}
	return value{num: int64(len(a.text))}
}

func anyTrue(a value, _ []value) value {
	for _, v := range a.items {
		if v.truth {
			return value{truth: true}
		}
	}
	return value{}
}

func allTrue(a value, _ []value) value {
	for _, v := range a.items {
		if !v.truth {
			return value{}
		}
	}
	return value{truth: true}
}

func (c *call) compile() (compiled, error) {
	f, known := functions[c.name]
	if !known {
		return compiled{}, problem(c.at, "unknown function %s", c.name)
	}
	arguments := make([]compiled, len(c.arguments))
	for i, a := range c.arguments {
		compiledArgument, err := a.compile()
		if err != nil {
			return compiled{}, err
		}
		arguments[i] = compiledArgument
	}
	result, wrong := f.check(arguments)
	if wrong != "" {
		return compiled{}, problem(c.at, "%s %s", c.name, wrong)
	}
	first, others := arguments[0].eval, othersOf(arguments[1:])
	if arguments[0].each {
		return compiled{kind: listOf(result), eval: forEach(f, first, others)}, nil
	}
	return compiled{kind: result, eval: once(f, first, others)}, nil
}

// othersOf computes the arguments after the first, literals once and for all.
func othersOf(arguments []compiled) func(*Request) ([]value, bool) {
	constant := make([]value, 0, len(arguments))
	for _, a := range arguments {
		if a.literal {
			v, _ := a.eval(nil)
			constant = append(constant, v)
		}
	}
	if len(constant) == len(arguments) {
		return func(*Request) ([]value, bool) { return constant, true }
	}
	return func(r *Request) ([]value, bool) {
		values := make([]value, len(arguments))
		for i, a := range arguments {
			v, present := a.eval(r)
			if !present {
				return nil, false
			}
			values[i] = v
		}
		return values, true
	}
}

// once calls the function; a missing argument makes the result missing.
func once(f function, first evaluator, others func(*Request) ([]value, bool)) evaluator {
	return func(r *Request) (value, bool) {
		v, present := first(r)
		if !present {
			return value{}, false
		}
		rest, present := others(r)
		if !present {
			return value{}, false
		}
		return f.apply(v, rest), true
	}
}

// forEach calls the function for every item of its first argument.
func forEach(f function, first evaluator, others func(*Request) ([]value, bool)) evaluator {
	return func(r *Request) (value, bool) {
		rest, present := others(r)
		if !present {
			return value{}, false
		}
		return mapItems(first, func(v value) value { return f.apply(v, rest) })(r)
	}
}
