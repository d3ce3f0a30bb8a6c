package strimzi

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
)

// ensureInitBinding makes the nodes' ClusterRoleBinding where racks are asked for, and deletes it where they no longer
// are. The init container itself does not run here.
func (r *clusters) ensureInitBinding(ctx context.Context, c *nodes.Cluster) error {
	if c.Spec.Kafka.Rack == nil {
		return r.deleteInitBinding(ctx, c)
	}
	return r.apply(ctx, c.InitBinding())
}

// deleteInitBinding has to come after the resource is gone: it has no owner that takes it along
// (KafkaAssemblyOperator.delete).
func (r *clusters) deleteInitBinding(ctx context.Context, c *nodes.Cluster) error {
	return client.IgnoreNotFound(r.Delete(ctx, c.InitBinding()))
}
