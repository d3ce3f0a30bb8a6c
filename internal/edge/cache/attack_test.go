package cache_test

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// zones are the rules that the component makes, in each of its modes; a test
// beside the component keeps the files right.
var zones = map[string]string{
	"cacheRules": defaults,
	"pageRules":  "../../../components/cdn/testdata/edge-page-rules",
}

const defaults = "../../../components/cdn/testdata/edge"

// personal are paths whose answers belong to one visitor, with those of the
// component's AlwaysBypassed among them.
var personal = []string{"/users/1", "/api/me", "/account", "/admin/keys", "/login", "/auth/token"}

// lenient is the worst origin for a cache: it decodes everything as often as
// it can, knows four kinds of separators, no case of any alphabet, no width of letters and no
// suffix, and shows each visitor's own page without any header against caching.
func lenient(w http.ResponseWriter, r *http.Request) {
	target, _, _ := strings.Cut(r.RequestURI, "?")
	if _, after, absolute := strings.Cut(target, "://"); absolute {
		target = after[strings.IndexByte(after, '/'):]
	}
	for range 3 {
		if plain, err := url.PathUnescape(target); err == nil {
			target = plain
		}
	}
	target = strings.NewReplacer(`\`, "/", "\xc0\xaf", "/", "\xc0\xae", ".").Replace(target)
	target = strings.Map(fold, target)
	var segments []string
	for segment := range strings.SplitSeq(target, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		segment, _, _ = strings.Cut(segment, "\x00")
		segments = append(segments, segment)
	}
	target = path.Clean("/" + strings.Join(segments, "/"))
	for _, p := range personal {
		if strings.HasPrefix(target, strings.SplitN(p[1:], "/", 2)[0]) || strings.HasPrefix(target, "/"+strings.SplitN(p[1:], "/", 2)[0]) {
			io.WriteString(w, "page of "+r.Header.Get("Cookie"))
			return
		}
	}
	io.WriteString(w, "asset "+target)
}

// fold finds the ASCII letter or sign that somebody may take a rune for.
func fold(r rune) rune {
	if full := r - 0xfee0; full > ' ' && full < 0x7f {
		r = full
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

// literal is the other extreme: it resolves nothing, and all that begins like a
// personal path is one.
func literal(w http.ResponseWriter, r *http.Request) {
	for _, p := range personal {
		if strings.HasPrefix(r.RequestURI, p) {
			io.WriteString(w, "page of "+r.Header.Get("Cookie"))
			return
		}
	}
	io.WriteString(w, "asset "+r.RequestURI)
}

// leaving begins with a personal path and ends in a cached folder.
func leaving(p string) []string {
	var all []string
	for _, up := range []string{"..", "%2e%2e", ".%2E", "..;", "..;x=y", `..\..`, "..%2f..", "..%5c..", "x/../..", ".//..", "%2e%2e/"} {
		all = append(all, p+"/"+up+"/static/a.css", p+"/"+up+"/"+up+"/static/a.css", p+"/"+up+"/"+up+"/"+up+"/js/a.js")
	}
	return append(all, p, p+"/static/a.css", p+"?/static/a.css", p+";/static/a.css", p+"%3f/../../static/a.css", p+"%23/../../static/a.css")
}

// targets disguise a personal path as something that is cached.
func targets(p string) []string {
	bare := p[1:]
	all := []string{
		p, strings.ToUpper(p), p + "/", p + ".css", p + "/x.css", p + "/static/x.js", p + ";.css", p + ";x=/a.css", p + "%3b.css",
		p + "%3B.css", p + "%2fx.css", p + "%2Fx.css", p + "%00.css", p + "%0a.css", p + "%23.css", p + "%3f.css", p + "?.css",
		p + "?/static/a.css", p + "&.css", p + "/..%2f/a.css", p + "%5cx.css", p + `\x.css`,
		"/" + p + ".css", "//" + p + "/x.css", "/." + p + ".css", "/x/.." + p + ".css", "/;" + p + ".css", "/;x" + p + ".css",
		"/%2f" + bare + ".css", "/%2F" + bare + "/x.js", "/%5c" + bare + ".css", `/\` + bare + ".css", "/%2e" + p + ".css",
		"/%" + strings.ToUpper(hex(bare[0])) + bare[1:] + ".css", "/%25" + hex(bare[0]) + bare[1:] + ".css",
		"/%2525" + hex(bare[0]) + bare[1:] + ".css", "/x%2f.." + p + ".css", "/%c0%af" + bare + ".css", "/%3b" + p + ".css",
	}
	for ascii, letters := range map[string][]string{"i": {"İ", "ı", "ｉ", "Ｉ"}, "s": {"ſ", "ｓ"}, "a": {"ａ"}, "/": {"／"}} {
		for _, letter := range letters {
			written := p[:1] + strings.ReplaceAll(bare, ascii, letter) + ".css"
			all = append(all, written, "/"+url.PathEscape(written[1:]))
		}
	}
	for _, folder := range []string{"/static/", "/images/", "/js/", "/static/a.css/"} {
		for _, up := range []string{"..", "../..", "%2e%2e", ".%2e", "%2E.", "..%2f..", "..%2F", "%2e%2e%2f", "..%5c", `..\`, `..\..`,
			"..;", "..;x", ".;/..", "%2e%2e;", "..%3b", "%252e%252e", "%252e%252e%252f", "..%252f..", "/..", "//..", "x/../..", "./..",
			"%2f..", "%5c..", "..%00", "%c0%ae%c0%ae", "..%c0%af", "\xc0\xae\xc0\xae", "..\xc0\xaf", "．．", "..／", "%25%32%65%25%32%65"} {
			all = append(all, folder+up+p, folder+up+"/.."+p, folder+up+bare, folder+up+p+".css")
		}
	}
	return all
}

func hex(c byte) string { return string([]byte{"0123456789abcdef"[c>>4], "0123456789abcdef"[c&15]}) }

// siege is what came of many attacks on one zone.
type siege struct {
	sent, pages int
	leaks       []string
}

// besiege lets a victim follow each link and then an attacker, with and without
// a session of his own.
func besiege(t *testing.T, dir string, origin http.HandlerFunc, disguises func(string) []string) (s siege) {
	t.Helper()
	b := newBench(t, dir, origin)
	for _, p := range personal {
		for _, target := range disguises(p) {
			s.sent++
			if strings.Contains(b.get(target, "Cookie: victim").body, "page of victim") {
				s.pages++
			}
			for _, cookie := range []string{"Cookie: attacker", "X-Anonymous: 1"} {
				if got := b.get(target, cookie); strings.Contains(got.body, "victim") {
					s.leaks = append(s.leaks, target+" as "+got.cache+" by "+got.header.Get("X-Edge-Rule"))
				}
			}
		}
	}
	return s
}

func TestNobodyGetsAnothersPage(t *testing.T) {
	for mode, dir := range zones {
		for name, s := range map[string]siege{
			"lenient": besiege(t, dir, lenient, targets),
			"literal": besiege(t, dir, literal, leaving),
		} {
			t.Logf("%s, %s origin: %d targets, %d of them show a personal page", mode, name, s.sent, s.pages)
			require.Empty(t, s.leaks, "the victim's page came to another")
			require.Greater(t, s.pages, s.sent/4, "the attacks must reach personal pages to mean anything")
		}
	}
}

// TestEachProtectionIsNeeded takes one away, so that pages leak: otherwise the
// attacks would prove nothing about it.
func TestEachProtectionIsNeeded(t *testing.T) {
	for name, c := range map[string]struct{ mode, file, old, new string }{
		"bypass of the API":           {"cacheRules", "ruleset.json", `"enabled": true,\s+"expression": "\(starts_with\(lower\(http.request.uri.path\), \\"/api`, `"enabled": false, "expression": "(starts_with(lower(http.request.uri.path), \"/api`},
		"bypass by the raw path":      {"cacheRules", "ruleset.json", `raw\.http\.request\.uri\.path`, "http.request.uri.path"},
		"bypass of foreign letters":   {"cacheRules", "ruleset.json", `%c5%bf`, "%nothing"},
		"bypass of overlong forms":    {"cacheRules", "ruleset.json", `%c0`, "%nothing"},
		"bypass of what is not named": {"pageRules", "pageRule.json", `"target": "www.example.com/\*"`, `"target": "www.example.com/nothing"`},
		"bypass of parameters":        {"pageRules", "pageRule.json", `/\*;\*`, "/nothing"},
		"bypass of encodings":         {"pageRules", "pageRule.json", `/\*%\*`, "/nothing"},
		"normalization to the origin": {"pageRules", "urlNormalizationSettings.json", `"both"`, `"incoming"`},
	} {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(zones[c.mode])))
		path := filepath.Join(dir, "0123456789abcdef0123456789abcdef", c.file)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		changed := regexp.MustCompile(c.old).ReplaceAllLiteral(text, []byte(c.new))
		require.NotEqual(t, string(text), string(changed), name)
		require.NoError(t, os.WriteFile(path, changed, 0o600))
		leaks := append(besiege(t, dir, lenient, targets).leaks, besiege(t, dir, literal, leaving).leaks...)
		t.Logf("without the %s %d attacks succeed", name, len(leaks))
		require.NotEmpty(t, leaks, name)
	}
}
