package expression

import (
	"strings"
)

type tokenKind int

const (
	endOfText tokenKind = iota
	word                // a field, a function or an operator in letters
	text                // a string, decoded
	number              // an integer, an address or a range of them
	symbol              // an operator or a bracket
)

type token struct {
	kind     tokenKind
	position int
	value    string
}

func (t token) String() string {
	switch t.kind {
	case endOfText:
		return "the end"
	case text:
		return quote(t.value)
	default:
		return t.value
	}
}

// symbols, the longer before those that begin like them.
var symbols = []string{"==", "!=", "<=", ">=", "&&", "||", "^^", "<", ">", "!", "~", "(", ")", "{", "}", "[*]", "[", "]", ",", "$"}

type lexer struct {
	input string
	at    int
}

func (l *lexer) next() (token, error) {
	l.at += len(l.input[l.at:]) - len(strings.TrimLeft(l.input[l.at:], " \t\r\n"))
	rest, start := l.input[l.at:], l.at
	switch {
	case rest == "":
		return token{kind: endOfText, position: start}, nil
	case rest[0] == '"':
		return l.quoted()
	case rest[0] == 'r' && len(rest) > 1 && (rest[1] == '"' || rest[1] == '#'):
		return l.raw()
	case isLetter(rest[0]) || isDigit(rest[0]) || rest[0] == ':' || (rest[0] == '-' && len(rest) > 1 && isDigit(rest[1])):
		return l.plain(), nil
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			l.at += len(s)
			return token{kind: symbol, position: start, value: s}, nil
		}
	}
	return token{}, problem(start, "%q means nothing here", rest[:1])
}

// plain reads a word or a number. An IPv6 address may begin with a letter, and
// only an address has a colon.
func (l *lexer) plain() token {
	rest := l.input[l.at:]
	length := 1
	for length < len(rest) && (isLetter(rest[length]) || isDigit(rest[length]) || strings.IndexByte("._:/", rest[length]) >= 0) {
		length++
	}
	t := token{kind: word, position: l.at, value: rest[:length]}
	if !isLetter(rest[0]) || strings.Contains(t.value, ":") {
		t.kind = number
	}
	l.at += length
	return t
}

func (l *lexer) quoted() (token, error) {
	t := token{kind: text, position: l.at}
	var plain strings.Builder
	for i := l.at + 1; i < len(l.input); i++ {
		switch c := l.input[i]; c {
		case '"':
			t.value, l.at = plain.String(), i+1
			return t, nil
		case '\\':
			decoded, length, err := escape(l.input[i:], i)
			if err != nil {
				return token{}, err
			}
			plain.WriteByte(decoded)
			i += length - 1
		default:
			plain.WriteByte(c)
		}
	}
	return token{}, problem(t.position, "the string does not end")
}

// escape decodes \", \\ and \xHH.
func escape(rest string, position int) (byte, int, error) {
	switch {
	case strings.HasPrefix(rest, `\"`), strings.HasPrefix(rest, `\\`):
		return rest[1], 2, nil
	case strings.HasPrefix(rest, `\x`) && len(rest) >= 4 && isHex(rest[2]) && isHex(rest[3]):
		return hexValue(rest[2])<<4 | hexValue(rest[3]), 4, nil
	}
	return 0, 0, problem(position, `%s is no escape: only \", \\ and \x with two hexadecimal digits are; use a raw string, r"…"`,
		rest[:min(2, len(rest))])
}

// raw reads r"…" or r#"…"#, with up to 255 hashes.
func (l *lexer) raw() (token, error) {
	start := l.at
	hashes := len(l.input[start+1:]) - len(strings.TrimLeft(l.input[start+1:], "#"))
	open := start + 1 + hashes
	if hashes > 255 || open >= len(l.input) || l.input[open] != '"' {
		return token{}, problem(start, `a raw string begins with r" or with r, up to 255 # and "`)
	}
	length := strings.Index(l.input[open+1:], `"`+strings.Repeat("#", hashes))
	if length < 0 {
		return token{}, problem(start, "the string does not end")
	}
	l.at = open + 1 + length + 1 + hashes
	return token{kind: text, position: start, value: l.input[open+1 : open+1+length]}, nil
}

// quote is the inverse of quoted.
func quote(s string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			b.WriteString(`\x`)
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

func hexValue(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return (c | 0x20) - 'a' + 10
}
