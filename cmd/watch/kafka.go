package main

import (
	"cmp"
	"strings"
)

// strimzi is the category of all of Strimzi's kinds.
const strimzi = "strimzi"

// kafkaResource is one of Strimzi's: a Kafka, a pool, a topic or a user. Its pods may
// all be ready, or none may exist, while the operator refuses it.
type kafkaResource struct {
	Kind     string
	Metadata struct {
		Name       string
		Generation int64
	}
	Status struct {
		ObservedGeneration int64
		Conditions         []condition
	}
}

// problem is what the operator says against the resource, "" for nothing. Pod sets have
// no conditions.
func (r kafkaResource) problem() string {
	if r.Kind == "StrimziPodSet" {
		return ""
	}
	var found []string
	for _, c := range r.Status.Conditions {
		switch {
		case c.Type == "Ready" && c.Status == "True", c.Status != "True" && c.Type != "Ready":
		default:
			found = append(found, problem{cmp.Or(c.Reason, c.Type), c.Message}.String())
		}
	}
	switch {
	case len(found) > 0:
		return strings.Join(found, "; ")
	case r.Status.ObservedGeneration < r.Metadata.Generation:
		return "its operator has not acted on the last change"
	}
	return ""
}

// kafka are the lines about Strimzi's resources, each with the newest warning.
func (s snapshot) kafka() (lines []string) {
	for _, r := range s.Kafka.Items {
		if found := r.problem(); found != "" {
			lines = append(lines, r.Kind+" "+r.Metadata.Name+": "+found+s.warning(r.Metadata.Name))
		}
	}
	return lines
}
