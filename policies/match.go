package main

import (
	"slices"

	"github.com/scalestack/scalestack/policies/rule"
)

// match says whether a selector selects pods. If only the deployment decides it, it may
// match or not, and no policy complains about either.
type match int

// The three answers, so that the least of several is that of all of them.
const (
	no match = iota
	maybe
	yes
)

// selects compares a label selector with labels. One without terms selects
// everything.
func selects(selector, labels rule.Node) match {
	if !selector.Known() || !selector.At("matchExpressions").Known() {
		return maybe
	}
	result := selectsMap(selector.At("matchLabels"), labels)
	for _, term := range selector.At("matchExpressions").Items() {
		result = min(result, holds(term, labels.At(term.At("key").Text())))
	}
	return result
}

// selectsMap is selects for the plain map of a Service.
func selectsMap(selector, labels rule.Node) match {
	if !selector.Known() {
		return maybe
	}
	result := yes
	for _, key := range selector.Keys() {
		result = min(result, same(selector.At(key), labels.At(key)))
	}
	return result
}

// selectsAll is true for a selector that is known to have no terms.
func selectsAll(selector rule.Node) bool {
	return selector.Known() && len(selector.At("matchLabels").Keys()) == 0 && selector.At("matchLabels").Known() &&
		len(selector.At("matchExpressions").Items()) == 0 && selector.At("matchExpressions").Known()
}

func same(wanted, label rule.Node) match {
	if !wanted.Known() || !label.Known() {
		return maybe
	}
	return judge(wanted.Text() == label.Text() && label.IsText())
}

func holds(term, label rule.Node) match {
	values, known := term.At("values").Texts()
	if !known || !label.Known() || !term.Known() {
		return maybe
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
	return maybe
}

func judge(holds bool) match {
	if holds {
		return yes
	}
	return no
}
