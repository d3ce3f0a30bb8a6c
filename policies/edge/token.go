package edge

import (
	"regexp"
	"strings"
)

// token is a string, a word, an operator or one character of punctuation.
var token = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_.]*|[0-9]+|==|!=|&&|\|\||\S`)

func tokens(expression string) []string { return token.FindAllString(expression, -1) }

func unquote(literal string) string {
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(strings.Trim(literal, `"`))
}
