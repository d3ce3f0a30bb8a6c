package expression

import (
	"maps"
	"slices"
)

// fields are those that the page "Available settings" of cache rules lists,
// and a few more of the "Fields reference" that rules are written with.
var fields = map[string]compiled{
	"http.host":                       textField(func(r *Request) string { return r.Host }),
	"http.request.method":             textField(func(r *Request) string { return r.Method }),
	"http.request.full_uri":           textField((*Request).FullURI),
	"http.request.uri":                textField((*Request).URI),
	"http.request.uri.path":           textField(func(r *Request) string { return r.Path }),
	"http.request.uri.path.extension": textField((*Request).Extension),
	"http.request.uri.query":          textField(func(r *Request) string { return r.Query }),
	"raw.http.request.full_uri": textField(func(r *Request) string {
		return r.Scheme + "://" + r.Host + withQuery(r.RawPath, r.RawQuery)
	}),
	"raw.http.request.uri":        textField(func(r *Request) string { return withQuery(r.RawPath, r.RawQuery) }),
	"raw.http.request.uri.path":   textField(func(r *Request) string { return r.RawPath }),
	"raw.http.request.uri.query":  textField(func(r *Request) string { return r.RawQuery }),
	"http.cookie":                 headerField("Cookie"),
	"http.referer":                headerField("Referer"),
	"http.user_agent":             headerField("User-Agent"),
	"http.x_forwarded_for":        headerField("X-Forwarded-For"),
	"http.request.headers":        mapField((*Request).headers),
	"http.request.headers.names":  namesField((*Request).headerMap),
	"http.request.cookies":        mapField(func(r *Request, name string) []string { return r.cookies()[name] }),
	"http.request.uri.args":       mapField(func(r *Request, name string) []string { return r.arguments()[name] }),
	"http.request.uri.args.names": namesField((*Request).arguments),
	"ssl": {kind: boolean, eval: func(r *Request) (value, bool) {
		return value{truth: r.Scheme == "https"}, true
	}},
	"ip.src": {kind: address, eval: func(r *Request) (value, bool) {
		return value{ip: r.Source.Unmap()}, r.Source.IsValid()
	}},
}

func textField(get func(*Request) string) compiled {
	return compiled{kind: str, eval: func(r *Request) (value, bool) { return value{text: get(r)}, true }}
}

// headerField is an empty string when the header is absent.
func headerField(name string) compiled {
	return textField(func(r *Request) string { text, _ := r.header(name); return text })
}

// mapField looks up one key: no whole map has to be made for it.
func mapField(get func(r *Request, key string) []string) compiled {
	return compiled{kind: strMap, eval: func(r *Request) (value, bool) {
		return value{pairs: func(key string) []string { return get(r, key) }}, true
	}}
}

func namesField(get func(*Request) map[string][]string) compiled {
	return compiled{kind: listOf(str), eval: func(r *Request) (value, bool) {
		return stringList(slices.Sorted(maps.Keys(get(r)))), true
	}}
}

func (f *field) compile() (compiled, error) {
	found, known := fields[f.name]
	if !known {
		if _, function := functions[f.name]; function {
			return compiled{}, problem(f.at, "%s is a function and takes its arguments in ( )", f.name)
		}
		return compiled{}, problem(f.at, "unknown field %s", f.name)
	}
	return found, nil
}
