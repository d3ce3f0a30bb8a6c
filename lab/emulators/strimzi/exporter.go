package strimzi

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
)

// runExporter makes the Kafka Exporter's objects and waits for its pod. One that is no longer asked for goes, with its
// certificate.
func (r *clusters) runExporter(ctx context.Context, c *nodes.Cluster, trust nodes.Trust) error {
	if c.Spec.KafkaExporter == nil {
		return r.removeExporter(ctx, c)
	}
	if err := r.applyEach(ctx, c.ExporterObjects(trust)); err != nil {
		return err
	}
	return r.rolledOut(ctx, c, c.Exporter(), "the Kafka Exporter")
}

func (r *clusters) removeExporter(ctx context.Context, c *nodes.Cluster) error {
	if err := r.Fresh.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: c.Exporter()}, &appsv1.Deployment{}); err != nil {
		return client.IgnoreNotFound(err)
	}
	for _, object := range c.ExporterLeft() {
		if err := client.IgnoreNotFound(r.Delete(ctx, object)); err != nil {
			return err
		}
	}
	return nil
}
