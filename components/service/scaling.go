package service

import (
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// MetricKind is where the autoscaler finds a metric.
type MetricKind string

const (
	// PodsMetric is reported by the program's own pods (custom.metrics.k8s.io), for
	// example its database connections in use.
	PodsMetric MetricKind = "pods"
	// ExternalMetric is reported by something else (external.metrics.k8s.io), for
	// example a consumer group's lag.
	ExternalMetric MetricKind = "external"
)

// Metric is one more metric to scale on. If the autoscaler cannot read it, it still scales
// up on the others but never down.
type Metric struct {
	// Kind of the metric.
	Kind MetricKind `json:"kind" pulumi:"kind" required:"true" enum:"pods,external"`
	// Name of the metric.
	Name string `json:"name" pulumi:"name" required:"true"`
	// Labels that select the series. Default: all of that name.
	Labels map[string]string `json:"labels" pulumi:"labels,optional"`
	// Average is the target per pod, a quantity such as "100" or "500m".
	Average string `json:"average" pulumi:"average,optional" format:"quantity"`
	// Total is the target over all pods, for external metrics only. Exactly one of Average
	// and Total is set.
	Total string `json:"total" pulumi:"total,optional" format:"quantity"`
}

// Check refuses a metric without one aim.
func (m Metric) Check(path *field.Path) field.ErrorList {
	switch {
	case (m.Average == "") == (m.Total == ""):
		return field.ErrorList{field.Invalid(path, m.Name, "must have one of average and total")}
	case m.Total != "" && m.Kind == PodsMetric:
		return field.ErrorList{field.Forbidden(path.Child("total"), "is for external metrics: give average")}
	}
	return nil
}

// Behavior keeps the autoscaler from flapping.
type Behavior struct {
	// Up defaults to no window, and to the larger of doubling the pods and adding 2 per 30
	// s: fast, yet new pods can take over load before the next step.
	Up Scaling `json:"up" pulumi:"up,optional" default:"{\"windowSeconds\":0,\"periodSeconds\":30}"`
	// Down defaults to a window of 300 s, and to removing half of the pods per 60 s: a lull
	// between two peaks keeps the pods.
	Down Scaling `json:"down" pulumi:"down,optional" default:"{\"windowSeconds\":300,\"periodSeconds\":60}"`
}

// Complete fills in the limits. They go together: giving one alone means that the
// other is not wanted.
func (b *Behavior) Complete() {
	if b.Up.Percent == 0 && b.Up.Pods == 0 {
		b.Up.Percent, b.Up.Pods = 100, 2
	}
	if b.Down.Percent == 0 && b.Down.Pods == 0 {
		b.Down.Percent = 50
	}
}

// Check refuses to remove more pods than there are.
func (b *Behavior) Check(path *field.Path) field.ErrorList {
	if b.Down.Percent > 100 && b.Down.Percent <= 1000 {
		return field.ErrorList{field.Invalid(path.Child("down", "percent"), b.Down.Percent, "must be between 1 and 100")}
	}
	return nil
}

// Scaling limits one direction.
type Scaling struct {
	// WindowSeconds is how far back the autoscaler looks at its own recommendations; the
	// one that changes the number of pods least counts.
	WindowSeconds *int `json:"windowSeconds" pulumi:"windowSeconds,optional" min:"0" max:"3600"`
	// Percent of the pods that may be added or removed per period, at most 100 for removal.
	Percent int `json:"percent" pulumi:"percent,optional" min:"1" max:"1000"`
	// Pods that may be added or removed per period. If both are given, the larger
	// change is allowed.
	Pods int `json:"pods" pulumi:"pods,optional" min:"1" max:"1000"`
	// PeriodSeconds is the period of both limits.
	PeriodSeconds int `json:"periodSeconds" pulumi:"periodSeconds,optional" min:"1" max:"1800"`
}
