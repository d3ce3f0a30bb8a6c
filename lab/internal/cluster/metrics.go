package cluster

import (
	"context"
	"io"
	"time"

	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
)

const (
	metricsStore  = "victoria-metrics"
	kubeStateName = "kube-state-metrics"
)

// StartMetrics starts VictoriaMetrics, which finds the pods that serve metrics through
// Kubernetes' own discovery, and kube-state-metrics, which reports on workloads,
// autoscalers and restarts.
func StartMetrics(ctx context.Context, p paths.Paths, log io.Writer) error {
	if err := ensure(ctx, log, kubeStateSpec(p), metricsStoreSpec(p)); err != nil {
		return err
	}
	if err := waitFor(ctx, 30*time.Second, kubeStateName, func() error { return answers(ctx, "http://127.0.0.1:"+kubeState+"/healthz") }); err != nil {
		return err
	}
	return waitFor(ctx, 30*time.Second, "VictoriaMetrics", func() error { return answers(ctx, "http://"+Metrics+"/health") })
}

func metricsStoreSpec(p paths.Paths) proc.Spec {
	spec := newSpec(p, metricsStore,
		"-httpListenAddr="+Metrics,
		"-storageDataPath="+p.Data("metrics"), "-retentionPeriod=7d",
		"-promscrape.config="+p.Config("scrape.yaml"),
		"-memory.allowedBytes=64MB",
		// The default hides what is younger than 30 s from a person who waits for it.
		"-search.latencyOffset=1s",
		"-loggerLevel=WARN",
	)
	spec.Files = []string{p.Bin(metricsStore + ".stamp"), p.Config("scrape.yaml")}
	return spec
}
