package policy

import (
	"strings"

	"github.com/scalestack/scalestack/internal/edge/rules"
)

// NormalizePath is what rules and cache keys see of a path (pages "How URL
// normalization works" and "URL normalization settings"). By default the type
// is RFC-3986, and the origin gets what the visitor sent.
func NormalizePath(raw string, n rules.Normalization) string {
	if n.Type == rules.NormalizeCloudflare {
		raw = mergeSlashes(strings.ReplaceAll(raw, `\`, "/"))
	}
	return removeDotSegments(decodeUnreserved(raw))
}

func mergeSlashes(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

const hexDigits = "0123456789ABCDEF"

// decodeUnreserved decodes what needs no encoding, encodes what does, and
// writes the rest of the encodings in upper case.
func decodeUnreserved(raw string) string {
	if isNormal(raw) {
		return raw
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '%' && i+2 < len(raw) && isHex(raw[i+1]) && isHex(raw[i+2]):
			c = unhex(raw[i+1])<<4 | unhex(raw[i+2])
			i += 2
			if isUnreserved(c) {
				b.WriteByte(c)
			} else {
				encode(&b, c)
			}
		case isUnreserved(c) || isReserved(c):
			b.WriteByte(c)
		default:
			encode(&b, c)
		}
	}
	return b.String()
}

func isNormal(raw string) bool {
	for i := 0; i < len(raw); i++ {
		if !isUnreserved(raw[i]) && !isReserved(raw[i]) {
			return false
		}
	}
	return true
}

func encode(b *strings.Builder, c byte) {
	b.WriteByte('%')
	b.WriteByte(hexDigits[c>>4])
	b.WriteByte(hexDigits[c&15])
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

func isReserved(c byte) bool { return strings.IndexByte(":/?#[]@!$&'()*+,;=", c) >= 0 }

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// removeDotSegments follows RFC 3986, section 5.2.4: an empty segment counts
// as one.
func removeDotSegments(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	var kept []string
	trailing := false
	for _, segment := range strings.Split(path, "/")[1:] {
		trailing = segment == "." || segment == ".."
		switch {
		case segment == ".." && len(kept) > 0:
			kept = kept[:len(kept)-1]
		case !trailing:
			kept = append(kept, segment)
		}
	}
	if trailing {
		kept = append(kept, "")
	}
	return "/" + strings.Join(kept, "/")
}
