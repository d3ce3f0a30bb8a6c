package cdn

import "strings"

// The fields that our expressions look at. Cloudflare compares with case, so
// that bypass rules match on the lower-case path.
const (
	fieldPath      = "http.request.uri.path"
	fieldPathLower = "lower(http.request.uri.path)"
	fieldExtension = "http.request.uri.path.extension"
	fieldMethod    = "http.request.method"
	// fieldRawPathLower is the path as the visitor wrote it, before Cloudflare
	// normalizes it for rules and cache keys; the origin gets this one.
	fieldRawPathLower = "lower(raw.http.request.uri.path)"
	// authorized is true for a request that carries an Authorization header.
	authorized = `any(http.request.headers["authorization"][*] ne "")`
)

// literal quotes s as a string of the rules language, where a backslash
// escapes itself and the quote.
func literal(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func startsWith(field, prefix string) string {
	return "starts_with(" + field + ", " + literal(prefix) + ")"
}

func contains(field, part string) string { return field + " contains " + literal(part) }

func equals(field, value string) string {
	return field + " eq " + literal(value)
}

func in(field string, values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = literal(v)
	}
	return field + " in {" + strings.Join(quoted, " ") + "}"
}

func allOf(terms ...string) string { return join(" and ", terms) }

func anyOf(terms ...string) string { return join(" or ", terms) }

func join(operator string, terms []string) string {
	if len(terms) == 1 {
		return terms[0]
	}
	return "(" + strings.Join(terms, operator) + ")"
}

// expression matches the rule's paths.
func (r Rule) expression() string {
	var terms []string
	if r.Path != "" {
		terms = append(terms, pathTerm(r.Path))
	}
	if len(r.Extensions) > 0 {
		terms = append(terms, in(fieldExtension, r.Extensions))
	}
	return allOf(terms...)
}

// subject names the rule's paths for people.
func (r Rule) subject() string {
	extensions := ""
	if len(r.Extensions) > 0 {
		extensions = "*." + strings.Join(r.Extensions, ", *.")
	}
	return strings.TrimSpace(r.Path + " " + extensions)
}

func pathTerm(path string) string {
	if prefix, folder := strings.CutSuffix(path, "*"); folder {
		return startsWith(fieldPath, prefix)
	}
	return equals(fieldPath, path)
}
