package app

// MetricKind says where the autoscaler finds a metric.
type MetricKind string

const (
	// PodsMetric is reported by the program's own pods (custom.metrics.k8s.io),
	// for example its database connections in use.
	PodsMetric MetricKind = "pods"
	// ExternalMetric is reported by something else (external.metrics.k8s.io),
	// for example a consumer group's lag.
	ExternalMetric MetricKind = "external"
)

// Metric is one more reason to scale. If the autoscaler cannot read it, it
// still scales up on the others but never down.
type Metric struct {
	// Kind of the metric. Required.
	Kind MetricKind
	// Name of the metric. Required.
	Name string
	// Labels that select the series. Default: all of that name.
	Labels map[string]string
	// Average is the aim per pod, a quantity such as "100" or "500m".
	Average string
	// Total is the aim over all pods, for ExternalMetric only. Exactly one of
	// Average and Total is set.
	Total string
}

// Behavior keeps the autoscaler from flapping.
type Behavior struct {
	// Up defaults to no window, and to the larger of double and 2 more pods in
	// 30 s: fast, yet new pods may take up load before the next step.
	Up Scaling
	// Down defaults to a window of 300 s, and to half of the pods in 60 s: a
	// lull between two peaks keeps the pods.
	Down Scaling
}

// Scaling limits one direction.
type Scaling struct {
	// WindowSeconds: the calmest wish of this past time counts, 0 to 3600.
	WindowSeconds *int
	// Percent of the pods that may be added or removed per period, 1 to 1000
	// (at most 100 for Down).
	Percent int
	// Pods that may be added or removed per period, 1 to 1000. If both are
	// given, the larger change is allowed.
	Pods int
	// PeriodSeconds of the two limits, 1 to 1800.
	PeriodSeconds int
}
