package expression

import "strings"

// function is a function of the language. check returns the kind of the
// result for the kinds of the arguments, or what is wrong with them.
type function struct {
	check func(arguments []compiled) (kind, string)
	// apply gets every argument's value; none is missing.
	apply func(arguments []value) value
}

// functions are those of the "Functions reference" that cache rules may use;
// the others there are for rewrites or for the firewall only.
var functions = map[string]function{
	"starts_with": {check: sourceAndText, apply: func(a []value) value { return value{truth: strings.HasPrefix(a[0].text, a[1].text)} }},
	"ends_with":   {check: sourceAndText, apply: func(a []value) value { return value{truth: strings.HasSuffix(a[0].text, a[1].text)} }},
	"lower":       {check: oneText, apply: func(a []value) value { return value{text: lower(a[0].text)} }},
	"upper":       {check: oneText, apply: func(a []value) value { return value{text: upper(a[0].text)} }},
	"url_decode":  {check: oneText, apply: func(a []value) value { return value{text: decoded(a[0].text)} }},
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

func concat(a []value) value {
	var b strings.Builder
	for _, v := range a {
		b.WriteString(v.text)
	}
	return value{text: b.String()}
}

func length(a []value) value {
	if a[0].items != nil {
		return value{num: int64(len(a[0].items))}
	}
	return value{num: int64(len(a[0].text))}
}

func anyTrue(a []value) value {
	for _, v := range a[0].items {
		if v.truth {
			return value{truth: true}
		}
	}
	return value{}
}

func allTrue(a []value) value {
	for _, v := range a[0].items {
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
	if len(arguments) > 0 && arguments[0].each {
		return compiled{kind: listOf(result), eval: c.forEach(f, arguments)}, nil
	}
	return compiled{kind: result, eval: c.once(f, arguments)}, nil
}

// once calls the function; a missing argument makes the result missing.
func (c *call) once(f function, arguments []compiled) evaluator {
	return func(r *Request) (value, bool) {
		var few [4]value
		values := few[:0]
		for _, a := range arguments {
			v, present := a.eval(r)
			if !present {
				return value{}, false
			}
			values = append(values, v)
		}
		return f.apply(values), true
	}
}

// forEach calls the function for every item of its first argument.
func (c *call) forEach(f function, arguments []compiled) evaluator {
	return func(r *Request) (value, bool) {
		values := make([]value, len(arguments))
		for i, a := range arguments {
			v, present := a.eval(r)
			if !present {
				return value{}, false
			}
			values[i] = v
		}
		items := values[0].items
		results := make([]value, len(items))
		for i, item := range items {
			values[0] = item
			results[i] = f.apply(values)
		}
		return value{items: results}, true
	}
}
