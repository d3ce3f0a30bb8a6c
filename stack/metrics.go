package stack

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/service"
)

// metricsPort is where shardctl serves its metrics.
const metricsPort = 9090

// Metrics controls who may read the metrics of the stack's programs.
type Metrics struct {
	// Scrapers may connect to the metrics port of every service, of the mover and of the
	// exporters, in addition to the peers in metricsFrom. Apart from them only the kubelet
	// may. Default: nobody.
	Scrapers []k8s.Peer `json:"scrapers"`
}

// serveMetrics tells a service where to serve its metrics, and lets the scrapers in.
func (c *Config) serveMetrics(a *service.Args) {
	if a.MetricsPort == 0 {
		return
	}
	a.BaseEnv["SCALESTACK_METRICS_LISTEN"] = pulumi.Sprintf(":%d", a.MetricsPort)
	a.MetricsFrom = slices.Concat(a.MetricsFrom, c.Metrics.Scrapers)
}
