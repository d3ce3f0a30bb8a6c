package main

import (
	"regexp"
	"strings"
	"sync"

	"github.com/scalestack/scalestack/policies/rule"
)

const (
	secretAllowed = "no password, key or token in plain text"
	secretFix     = "put it into a Secret and mount that as a file"
)

// secretShapes are what secrets look like wherever they stand, the clearest first.
var secretShapes = []struct {
	name    string
	pattern *regexp.Regexp
}{
	{"a private key", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)},
	{"an AWS access key", regexp.MustCompile(`\b(AKIA|ASIA)[0-9A-Z]{16}\b`)},
	{"a GitHub token", regexp.MustCompile(`\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})`)},
	{"a JSON web token", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+`)},
	{"a password in a URL", regexp.MustCompile(`[a-z][a-z0-9+.-]*://[^\s/:@"']*:[^\s/@"'$<{]+@`)},
	{"an assignment of a secret", regexp.MustCompile(
		`(?i)((password|passwd|secret|token|api[_-]?key)["']?\s*[=:]|\b(requirepass|masterauth)\s)` +
			`\s*["']?[^\s"'$<>({/#*][^\s"'(]{5,}`)},
}

// plainSecret finds what should be in a Secret.
var plainSecret = rule.Rule{
	Name: "plain-secret",
	Description: "No secret stands in an environment variable, argument or ConfigMap: all of " +
		"these are shown by kubectl describe and end up in logs.",
	Each: func(c *rule.Check, r rule.Resource) {
		if r.Kubernetes() && r.Kind() == "ConfigMap" {
			for _, field := range []string{"data", "binaryData"} {
				for _, key := range r.At(field).Keys() {
					plainValue(c, r, r.At(field, key), key)
				}
			}
		}
		for _, pods := range podsIn(r) {
			for _, container := range pods.Containers() {
				plainContainer(c, r, container)
			}
		}
	},
}

func plainContainer(c *rule.Check, r rule.Resource, container rule.Node) {
	for _, variable := range container.At("env").Items() {
		plainValue(c, r, variable.At("value"), variable.At("name").Text())
	}
	for _, list := range append(hooks(container), container.At("command"), container.At("args")) {
		previous := ""
		for _, word := range list.Items() {
			plainValue(c, r, word, previous)
			previous = strings.TrimLeft(word.Text(), "-")
		}
	}
}

// hooks are the commands that the kubelet runs in the container.
func hooks(container rule.Node) []rule.Node {
	var commands []rule.Node
	for _, handler := range handlers(container) {
		commands = append(commands, handler.At("exec", "command"))
	}
	return commands
}

// plainValue reports one string. Nothing of it is ever shown.
func plainValue(c *rule.Check, r rule.Resource, n rule.Node, name string) {
	if n.Secret() {
		c.Report(r, n.Path(), "a secret of Pulumi's in plain text for the cluster", secretAllowed, secretFix)
		return
	}
	if found := looksLike(name, n.Text()); found != "" {
		c.Report(r, n.Path(), found, secretAllowed, secretFix)
	}
}

// shapes are those of the texts that were seen: all shards have the same programs.
var shapes sync.Map

func shapeOf(text string) string {
	if known, ok := shapes.Load(text); ok {
		return known.(string)
	}
	found := ""
	for _, shape := range secretShapes {
		if shape.pattern.MatchString(text) {
			found = shape.name
			break
		}
	}
	shapes.Store(text, found)
	return found
}

var secretName = regexp.MustCompile(`(?i)(password|passwd|secret|token|api[_-]?key|private[_-]?key|credentials?)$`)

// looksLike says what the value of a name looks like, "" for nothing special.
// A file's path or a reference is how a secret should be named.
func looksLike(name, text string) string {
	if shape := shapeOf(text); shape != "" {
		return shape
	}
	if secretName.MatchString(name) && text != "" && !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "$(") {
		return "the value of something called " + name
	}
	return ""
}
