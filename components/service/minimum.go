package service

import (
	"context"
	"fmt"
	"time"
)

// minimumWithin is how long an autoscaler and new pods may take.
const minimumWithin = 2 * time.Minute

// AwaitMinimum waits until a Deployment has as many available pods as its autoscaler's
// minimum: a new one rolls out with a single pod, before the autoscaler exists. After
// two minutes it returns what is missing, and otherwise "". It does not wait for a
// Deployment that somebody has scaled to 0, or that the cluster does not report.
func AwaitMinimum(ctx context.Context, look LookFunc, namespace, name string, least int) string {
	return awaitMinimum(ctx, look, namespace, name, least, minimumWithin, lookEvery)
}

func awaitMinimum(ctx context.Context, look LookFunc, namespace, name string, least int, limit, every time.Duration) string {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		found, err := look(ctx, "apps/v1", "deployments", namespace, name)
		asked, known := podCount(within(found, "spec")["replicas"])
		if err != nil || !known || asked == 0 {
			return ""
		}
		available, _ := podCount(within(found, "status")["availableReplicas"])
		if available >= least {
			return ""
		}
		select {
		case <-ctx.Done():
			return fmt.Sprintf("Deployment %s/%s has %d of the %d pods that are its least, after %s", namespace, name, available, least, limit)
		case <-time.After(every):
		}
	}
}

// podCount is a count in what JSON decodes to.
func podCount(value any) (int, bool) {
	switch n := value.(type) {
	case int64:
		return int(n), true
	case float64:
		return int(n), true
	}
	return 0, false
}
