package expression

import (
	"errors"
	"strings"
)

// Wildcard is a pattern in which * stands for any text, also none: its literal
// parts.
type Wildcard struct {
	parts  []string
	strict bool
}

// ParseWildcard reads * as any text, \* as a star and \\ as a backslash. A strict
// one distinguishes case.
func ParseWildcard(text string, strict bool) (Wildcard, error) {
	if !strict {
		text = lower(text)
	}
	p := Wildcard{strict: strict}
	var part strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == '*' || text[i+1] == '\\'):
			i++
			part.WriteByte(text[i])
		case text[i] == '\\':
			return p, errors.New(`a wildcard pattern has \ before something else than * or \`)
		case text[i] == '*' && i+1 < len(text) && text[i+1] == '*':
			return p, errors.New("a wildcard pattern has two * in a row")
		case text[i] == '*':
			p.parts = append(p.parts, part.String())
			part.Reset()
		default:
			part.WriteByte(text[i])
		}
	}
	p.parts = append(p.parts, part.String())
	return p, nil
}

// Matches compares the whole text. Taking the first place where a part fits
// is enough, because only the last part is bound to the end.
func (p Wildcard) Matches(text string) bool {
	if !p.strict {
		text = lower(text)
	}
	first, rest := p.parts[0], p.parts[1:]
	if len(rest) == 0 {
		return text == first
	}
	if !strings.HasPrefix(text, first) {
		return false
	}
	text = text[len(first):]
	last := rest[len(rest)-1]
	for _, part := range rest[:len(rest)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, last)
}
