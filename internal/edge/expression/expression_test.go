package expression

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func sample() *Request {
	return &Request{
		Method: "GET", Scheme: "https", Host: "www.example.com",
		Path: "/Static/app.min.CSS", Query: "v=1&utm=a%20b&v=2", RawPath: "/Static//app.min.CSS", RawQuery: "v=1",
		Header: http.Header{"Accept": {"text/html", "*/*"}, "Cookie": {"session=abc; theme=dark"}, "User-Agent": {"curl"}},
		Source: netip.MustParseAddr("192.0.2.77"),
	}
}

func TestMatches(t *testing.T) {
	for text, want := range map[string]bool{
		// Operators and grouping symbols: comparison.
		`http.host eq "www.example.com"`:        true,
		`http.host == "WWW.example.com"`:        false,
		`http.host ne "x"`:                      true,
		`http.host != "www.example.com"`:        false,
		`http.host lt "x"`:                      true,
		`http.request.uri.path contains "app."`: true,
		`http.request.method in {"GET" "HEAD"}`: true,
		`http.request.method in {"POST"}`:       false,
		`len(http.host) ge 15`:                  true,
		`len(http.host) > 15`:                   false,
		`len(http.host) in {1..3 10..15}`:       true,
		`len(http.host) in {-5..3}`:             false,
		`ip.src eq 192.0.2.77`:                  true,
		`ip.src in {192.0.2.0/24}`:              true,
		`ip.src in {192.0.2.78..192.0.2.99}`:    false,
		`ip.src in {2001:db8::/32 192.0.2.77}`:  true,
		`ip.src in {fe80::1}`:                   false,
		// Wildcards ignore case unless they are strict, and match the whole value.
		`http.request.full_uri wildcard "https://WWW.example.com/static/*"`:        true,
		`http.request.full_uri strict wildcard "https://www.example.com/static/*"`: false,
		`http.request.uri.path wildcard "/static/*.css"`:                           true,
		`http.request.uri.path wildcard "static"`:                                  false,
		`http.request.uri.path wildcard r"*\**"`:                                   false,
		`http.request.uri.path strict wildcard "/S*c/*.*.CSS"`:                     true,
		// Logical operators, and their order: not, and, xor, or.
		`not ssl`:                          false,
		`! http.host eq "x"`:               true,
		`ssl and http.host eq "x"`:         false,
		`ssl && http.method_ok`:            false,
		`ssl or ssl and http.host eq "x"`:  true,
		`ssl xor ssl`:                      false,
		`ssl xor ssl and http.host eq "x"`: true,
		`ssl or ssl ^^ ssl`:                true,
		`(ssl or ssl) and not ssl`:         false,
		`true`:                             true,
		`false || true`:                    true,
		// Values: strings, arrays, maps, missing values.
		`http.host eq "\x77ww.example.com"`:                              true,
		`http.host eq r"www.example.com"`:                                true,
		`http.host eq r##"a"#b"##`:                                       false,
		`http.request.headers["accept"][0] eq "text/html"`:               true,
		`http.request.headers["accept"][7] ne "text/html"`:               false,
		`http.request.headers["authorization"][0] ne ""`:                 false,
		`not http.request.headers["authorization"][0] eq "x"`:            true,
		`any(http.request.headers["authorization"][*] ne "")`:            false,
		`any(http.request.headers["accept"][*] eq "*/*")`:                true,
		`all(http.request.headers["accept"][*] eq "*/*")`:                false,
		`all(not http.request.headers["accept"][*] eq "x")`:              true,
		`any(lower(http.request.headers.names[*])[*] eq "cookie")`:       true,
		`len(http.request.uri.args["v"]) eq 2`:                           true,
		`len(http.request.uri.args["none"]) ge 0`:                        false,
		`http.request.uri.args["utm"][0] eq "a b"`:                       true,
		`all(len(http.request.uri.args["v"][*])[*] in {1})`:              true,
		`http.request.cookies["session"][0] eq "abc"`:                    true,
		`any(starts_with(http.request.headers["accept"][*], "text")[*])`: false,
		// Functions.
		`starts_with(http.request.uri.path, "/Static/")`:                       true,
		`starts_with(http.request.uri.path, "/static/")`:                       false,
		`starts_with(lower(http.request.uri.path), "/static/")`:                true,
		`ends_with(upper(http.request.uri.path), ".CSS")`:                      true,
		`concat(http.host, "/", http.request.method) eq "www.example.com/GET"`: true,
		`url_decode(http.request.uri.query) contains "a b"`:                    true,
		// Fields.
		`http.request.uri.path.extension eq "css"`:                    true,
		`http.request.uri eq "/Static/app.min.CSS?v=1&utm=a%20b&v=2"`: true,
		`http.request.uri.query contains "utm"`:                       true,
		`http.cookie contains "session=abc"`:                          true,
		`http.referer eq ""`:                                          true,
		`raw.http.request.uri.path contains "//"`:                     true,
		`http.request.uri.path contains "//"`:                         false,
	} {
		e, err := Compile(text)
		if text == `ssl && http.method_ok` {
			require.EqualError(t, err, "position 7: unknown field http.method_ok")
			continue
		}
		if text == `any(starts_with(http.request.headers["accept"][*], "text")[*])` {
			require.ErrorContains(t, err, "any takes a comparison of a list that [*] unpacks")
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, want, e.Matches(sample()), text)
		again, err := Compile(e.String())
		require.NoError(t, err, e.String())
		require.Equal(t, e.String(), again.String())
		require.Equal(t, want, again.Matches(sample()), e.String())
	}
}

func TestMistakesAreErrorsAndNeverFalse(t *testing.T) {
	for text, want := range map[string]string{
		``:                            "position 0: the end stands where a field, a function or ( was expected",
		`http.request.uri.pth eq "x"`: "position 0: unknown field http.request.uri.pth",
		`regex_replace(http.host, "a", "b") eq "b"`: "position 0: unknown function regex_replace",
		`http.host matches "a"`:                     "position 10: matches needs the plan Business or Enterprise; use wildcard, starts_with or ends_with",
		`http.host ~ "a"`:                           "position 10: matches needs the plan Business or Enterprise; use wildcard, starts_with or ends_with",
		`http.host eq 5`:                            "position 13: eq compares a string with an integer",
		`len(http.host) eq "5"`:                     "position 18: eq compares an integer with a string",
		`len(http.host) contains "5"`:               "position 24: contains compares an integer with a string",
		`ip.src lt 192.0.2.1`:                       "position 7: lt cannot compare an IP address: use in with a range",
		`ip.src eq 192.0.2.0/24`:                    "position 10: 192.0.2.0..192.0.2.255 is a range, which only a set { } can hold",
		`ssl eq "x"`:                                "position 4: eq cannot compare a boolean: it stands alone, or after not",
		`http.host`:                                 "position 0: the expression is a string, not true or false",
		`http.host and ssl`:                         "position 0: and takes booleans, not a string",
		`not http.host`:                             "position 4: not takes a boolean, not a string",
		`http.host eq "a" "b"`:                      `position 17: "b" stands after the end of the expression`,
		`http.host eq "a`:                           "position 13: the string does not end",
		`http.host eq r#"a"`:                        "position 13: the string does not end",
		`http.host eq "\d"`:                         `position 14: \d is no escape: only \", \\ and \x with two hexadecimal digits are; use a raw string, r"…"`,
		`http.host in {"a" 5}`:                      "position 18: in compares a string with an integer",
		`http.host in {}`:                           "position 14: the set is empty",
		`http.host in $hosts`:                       "position 13: named lists belong to an account and are not known here; name the values in { }",
		`(ssl`:                                      "position 4: the end stands where ) was expected",
		`ssl)`:                                      "position 3: ) stands after the end of the expression",
		`ssl # x`:                                   `position 4: "#" means nothing here`,
		`http.host AND ssl`:                         "position 10: AND stands after the end of the expression",
		`starts_with(http.host)`:                    "position 0: starts_with takes a source and a string",
		`starts_with("a", "b")`:                     "position 0: starts_with takes a field as its source, not a literal",
		`starts_with(ip.src, "b")`:                  "position 0: starts_with takes two strings",
		`starts_with eq "a"`:                        "position 0: starts_with is a function and takes its arguments in ( )",
		`http.host starts_with "a"`:                 "position 10: starts_with stands after the end of the expression",
		`http.request.headers["a"] eq "b"`:          `position 26: eq cannot compare a list: take an item with [0], or each with [*] inside any() or all()`,
		`http.request.headers["a"][*] eq "b"`:       "position 29: the expression is a list, not true or false: [*] needs any() or all() around it",
		`http.request.headers[0] eq "b"`:            "position 20: a map has no http.request.headers[0]",
		`http.host[*] eq "b"`:                       "position 9: [*] unpacks a list, not a string",
		`any(ssl)`:                                  "position 0: any takes a comparison of a list that [*] unpacks",
		`http.request.uri.path wildcard "/a/**"`:    "position 31: a wildcard pattern has two * in a row",
		`http.request.uri.path wildcard r"/a\b"`:    `position 31: a wildcard pattern has \ before something else than * or \`,
		`http.request.uri.path strict "/a"`:         `position 29: "/a" stands where wildcard was expected`,
		`len(http.host) in {5..3}`:                  "position 19: the range ends before it begins",
		`ip.src in {999.1.1.1}`:                     "position 11: 999.1.1.1 is neither an integer nor an address nor a range of them",
	} {
		_, err := Compile(text)
		require.EqualError(t, err, want, text)
	}
}

func TestExtension(t *testing.T) {
	for path, want := range map[string]string{
		"/foo": "", "/foo.mp3": "mp3", "/.mp3": "", "/.foo.mp3": "mp3", "/foo.tar.bz2": "bz2", "/foo.": "", "/foo.MP3": "mp3",
		"/a.b/c": "", "/me;.css": "css",
	} {
		require.Equal(t, want, (&Request{Path: path}).Extension(), path)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`starts_with(lower(http.request.uri.path), "/api") or any(http.request.headers["authorization"][*] ne "")`)
	f.Add(`not (ip.src in {192.0.2.0/24 ::1..::2}) xor len(http.host) in {-1..3 5}`)
	f.Add(`http.request.uri wildcard r#"*"\*"#`)
	f.Add(`http.host eq "\x00\"\\"`)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Compile(text)
		if err != nil {
			var mistake *Error
			require.ErrorAs(t, err, &mistake)
			require.LessOrEqual(t, mistake.Position, max(len(text), maxLength))
			return
		}
		printed := e.String()
		root, err := parse(printed)
		require.NoError(t, err, "what was printed does not parse: %s", printed)
		require.Equal(t, printed, root.String())
		again, err := root.compile()
		require.NoError(t, err)
		v, present := again.eval(sample())
		require.Equal(t, e.Matches(sample()), present && v.truth, printed)
	})
}

func BenchmarkMatches(b *testing.B) {
	e, err := Compile(`(starts_with(lower(http.request.uri.path), "/api") or starts_with(lower(http.request.uri.path), "/users"))`)
	require.NoError(b, err)
	r := sample()
	for b.Loop() {
		e.Matches(r)
	}
}
