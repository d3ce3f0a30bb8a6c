package api

import (
	"slices"
	"time"
)

// Condition types. A Kafka or KafkaUser that is not Ready has NotReady=True, a KafkaTopic has Ready=False: so Strimzi
// has it.
const (
	Ready    = "Ready"
	NotReady = "NotReady"
	Warning  = "Warning"
	Paused   = "ReconciliationPaused"
)

// Condition is one of Strimzi's conditions.
type Condition struct {
	Type               string `json:"type"`
	Status             string `json:"status"`
	LastTransitionTime string `json:"lastTransitionTime,omitempty"`
	Reason             string `json:"reason,omitempty"`
	Message            string `json:"message,omitempty"`
}

// Is makes a condition that holds.
func Is(kind, reason, message string) Condition {
	return Condition{Type: kind, Status: "True", Reason: reason, Message: message}
}

// Not makes a condition that does not hold.
func Not(kind, reason, message string) Condition {
	return Condition{Type: kind, Status: "False", Reason: reason, Message: message}
}

// Since gives each condition the time since when it is as it is.
func Since(old, conditions []Condition, now time.Time) []Condition {
	for i := range conditions {
		conditions[i].LastTransitionTime = now.UTC().Format("2006-01-02T15:04:05.000000000Z")
		j := slices.IndexFunc(old, func(c Condition) bool { return c.Type == conditions[i].Type })
		if j >= 0 && old[j].Status == conditions[i].Status {
			conditions[i].LastTransitionTime = old[j].LastTransitionTime
		}
	}
	return conditions
}

// IsReady reports whether an object is.
func IsReady(conditions []Condition) bool {
	return slices.ContainsFunc(conditions, func(c Condition) bool { return c.Type == Ready && c.Status == "True" })
}
