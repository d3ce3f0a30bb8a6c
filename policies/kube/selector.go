package kube

import (
	"slices"

	"github.com/scalestack/scalestack/policies/rule"
)

// Match is whether a selector selects pods. What only the deployment decides
// may match or not: no policy complains about either.
type Match int

// The three answers, so that the least of several is that of all of them.
const (
	No Match = iota
	Maybe
	Yes
)

// Selects compares a label selector with labels. One without terms selects
// everything.
func Selects(selector, labels rule.Node) Match {
	if !selector.Known() || !selector.At("matchExpressions").Known() {
		return Maybe
	}
	match := SelectsPlain(selector.At("matchLabels"), labels)
	for _, term := range selector.At("matchExpressions").Items() {
		match = min(match, holds(term, labels.At(term.At("key").Text())))
	}
	return match
}

// SelectsPlain is Selects for the plain map of a Service.
func SelectsPlain(selector, labels rule.Node) Match {
	if !selector.Known() {
		return Maybe
	}
	match := Yes
	for _, key := range selector.Keys() {
		match = min(match, same(selector.At(key), labels.At(key)))
	}
	return match
}

// Everything is true for a selector that is known to have no terms.
func Everything(selector rule.Node) bool {
	return selector.Known() && len(selector.At("matchLabels").Keys()) == 0 && selector.At("matchLabels").Known() &&
		len(selector.At("matchExpressions").Items()) == 0 && selector.At("matchExpressions").Known()
}

func same(wanted, label rule.Node) Match {
	if !wanted.Known() || !label.Known() {
		return Maybe
	}
	return judge(wanted.Text() == label.Text() && label.IsText())
}

func holds(term, label rule.Node) Match {
	values, known := term.At("values").Texts()
	if !known || !label.Known() || !term.Known() {
		return Maybe
	}
	switch term.At("operator").Text() {
	case "In":
		return judge(slices.Contains(values, label.Text()))
	case "NotIn":
		return judge(!slices.Contains(values, label.Text()))
	case "Exists":
		return judge(label.Set())
	case "DoesNotExist":
		return judge(label.Absent())
	}
	return Maybe
}

func judge(holds bool) Match {
	if holds {
		return Yes
	}
	return No
}
