package main

import (
	"strconv"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

// replicas is the least and the largest number of pods of a workload.
type replicas struct {
	Min, Max int
	// Known is false when the deployment decides one of them.
	Known bool
	// By is what sets them: the autoscaler or the workload itself.
	By rule.Resource
}

// replicasOf reads them from the workload's autoscaler, or else from itself.
func replicasOf(g rule.Graph, owner rule.Resource) replicas {
	if !scalingKnown(g, owner) {
		return replicas{By: owner}
	}
	if scaler, ok := scalerOf(g, owner); ok {
		return bounds(scaler)
	}
	if owner.Kind() == "DaemonSet" {
		return replicas{By: owner}
	}
	n, known := count(owner.At("spec", "replicas"), 1)
	return replicas{n, n, known, owner}
}

// bounds of an autoscaler, with what it has where it says nothing.
func bounds(scaler rule.Resource) replicas {
	fields, none, many := [2]string{"minReplicas", "maxReplicas"}, 1, 1
	if scaler.Kind() == "ScaledObject" {
		fields, none, many = [2]string{"minReplicaCount", "maxReplicaCount"}, 0, kedaMaximum
	}
	least, knownMin := count(scaler.At("spec", fields[0]), none)
	most, knownMax := count(scaler.At("spec", fields[1]), max(least, many))
	return replicas{least, most, knownMin && knownMax, scaler}
}

// kedaMaximum is how many pods a ScaledObject may start that does not say.
const kedaMaximum = 100

// scalingKnown is false when an autoscaler may be the workload's or not.
func scalingKnown(g rule.Graph, owner rule.Resource) bool {
	for _, scaler := range g.Of(autoscalers...) {
		target := scaler.At("spec", "scaleTargetRef")
		if !target.At("kind").Known() || !target.At("name").Known() {
			return false
		}
	}
	return owner.At("metadata", "name").Known()
}

// scalerOf is the autoscaler of a workload.
func scalerOf(g rule.Graph, owner rule.Resource) (rule.Resource, bool) {
	for _, scaler := range g.Of(autoscalers...) {
		kind, name := scaleTargetOf(scaler)
		if kind == owner.Kind() && name == nameOf(owner) && together(scaler, owner) {
			return scaler, true
		}
	}
	return rule.Resource{}, false
}

func count(n rule.Node, absent int) (int, bool) {
	if n.Absent() {
		return absent, true
	}
	return n.Number()
}

// share is a number of pods, or a percentage of total: rounded up, as
// Kubernetes does for a budget and a surge.
func share(n rule.Node, total int) (int, bool) {
	if number, ok := n.Number(); ok {
		return number, true
	}
	percent, ok := strings.CutSuffix(n.Text(), "%")
	number, err := strconv.Atoi(percent)
	if !ok || err != nil {
		return 0, false
	}
	return (total*number + 99) / 100, true
}
