package kube

import (
	"slices"

	"github.com/scalestack/scalestack/policies/rule"
)

// Selects is false only when the labels are known not to match: a preview must
// not complain about what the deployment will decide. The selector is a label
// selector; one without terms selects everything.
func Selects(selector, labels rule.Node) bool {
	for _, key := range selector.At("matchLabels").Keys() {
		if !same(selector.At("matchLabels", key), labels.At(key)) {
			return false
		}
	}
	for _, term := range selector.At("matchExpressions").Items() {
		if !holds(term, labels.At(term.At("key").Text())) {
			return false
		}
	}
	return true
}

// SelectsPlain is Selects for the plain map of a Service.
func SelectsPlain(selector, labels rule.Node) bool {
	for _, key := range selector.Keys() {
		if !same(selector.At(key), labels.At(key)) {
			return false
		}
	}
	return true
}

// Everything is true for a selector that is known to have no terms.
func Everything(selector rule.Node) bool {
	return selector.Known() && len(selector.At("matchLabels").Keys()) == 0 && selector.At("matchLabels").Known() &&
		len(selector.At("matchExpressions").Items()) == 0 && selector.At("matchExpressions").Known()
}

func same(wanted, label rule.Node) bool {
	return !wanted.Known() || !label.Known() || wanted.Text() == label.Text() && label.IsText()
}

func holds(term, label rule.Node) bool {
	values, known := term.At("values").Texts()
	if !known || !label.Known() {
		return true
	}
	switch term.At("operator").Text() {
	case "In":
		return slices.Contains(values, label.Text())
	case "NotIn":
		return !slices.Contains(values, label.Text())
	case "Exists":
		return label.Set()
	case "DoesNotExist":
		return label.Absent()
	}
	return true
}
