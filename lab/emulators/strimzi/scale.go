package strimzi

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/pki"
)

// preventionCheck is the reason of the warnings about what was reverted.
const preventionCheck = "ScaleDownPreventionCheck"

// keepBrokersInUse reverts the removal of brokers, or of their role, as long as a partition is on one of them, and warns
// (KafkaClusterCreator). Only pools that exist are looked at: a pool that was deleted takes its brokers with it.
func (r *clusters) keepBrokersInUse(ctx context.Context, c *nodes.Cluster, notes *[]api.Condition) error {
	if c.Annotations[api.SkipCheckAnnotation] == "true" || len(leaving(c.Pools)) == 0 {
		return nil
	}
	used, err := r.brokersInUse(ctx, c)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(leaving(c.Pools), func(id int32) bool { return used[id] }) {
		return nil
	}
	var pools []api.KafkaNodePool
	for _, p := range c.Pools {
		*notes = append(*notes, revert(p)...)
		pools = append(pools, *p.KafkaNodePool)
	}
	c.Pools, err = number(pools)
	return err
}

// leaving are the brokers that are removed or should no longer be brokers.
func leaving(pools []nodes.Pool) []int32 {
	var all []int32
	for _, p := range pools {
		switch {
		case !slices.Contains(p.Status.Roles, api.Broker):
		case !p.Is(api.Broker):
			all = append(all, p.Status.NodeIDs...)
		default:
			all = append(all, p.Removed...)
		}
	}
	return all
}

// revert gives a pool its size and its roles back, for this reconciliation only.
func revert(p nodes.Pool) []api.Condition {
	if !slices.Contains(p.Status.Roles, api.Broker) {
		return nil
	}
	var notes []api.Condition
	if had := len(p.Status.NodeIDs); int(p.Spec.Replicas) < had {
		notes = append(notes, api.Is(api.Warning, preventionCheck,
			fmt.Sprintf("Reverting scale-down of KafkaNodePool %s by changing number of replicas to %d", p.Name, had)))
		p.Spec.Replicas = int32(had)
	}
	if !p.Is(api.Broker) {
		notes = append(notes, api.Is(api.Warning, preventionCheck,
			fmt.Sprintf("Reverting role change of KafkaNodePool %s (setting roles to %v)", p.Name, p.Status.Roles)))
		p.Spec.Roles = p.Status.Roles
	}
	return notes
}

// brokersInUse asks the cluster, with the certificates that the last reconciliation left.
func (r *clusters) brokersInUse(ctx context.Context, c *nodes.Cluster) (map[int32]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	ca, err := r.secret(ctx, c.Meta(c.CASecret()))
	if err != nil {
		return nil, err
	}
	own, err := r.secret(ctx, c.Meta(c.OperatorSecret()))
	if err != nil {
		return nil, err
	}
	var trusted [][]byte
	for name, body := range ca {
		if isCertificate(name) {
			trusted = append(trusted, body)
		}
	}
	security, err := security(pki.Bundle(trusted...), pairOf(own, nodes.OperatorIdentity))
	if err != nil {
		return nil, err
	}
	connection, err := r.connections.connect(present(c).ReplicationHosts(), security)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	return connection.BrokersInUse(ctx)
}

// present is the cluster as it was, for the addresses of its brokers.
func present(c *nodes.Cluster) *nodes.Cluster {
	was := &nodes.Cluster{Kafka: c.Kafka}
	for _, p := range c.Pools {
		before := p.DeepCopyObject().(*api.KafkaNodePool)
		before.Spec.Roles = p.Status.Roles
		was.Pools = append(was.Pools, nodes.Pool{KafkaNodePool: before, IDs: p.Status.NodeIDs})
	}
	return was
}

// removeSurplus deletes what nodes leave that are no longer there: their settings, and their claims if those go with a
// node (PvcReconciler.deletePersistentClaims). Kafka keeps such a broker in its list, as one that is away; Strimzi
// unregisters it too.
func (r *clusters) removeSurplus(ctx context.Context, c *nodes.Cluster) error {
	kept := map[string]bool{}
	for _, p := range c.Pools {
		for _, config := range c.Configs(p) {
			kept[config.Name] = true
		}
		for _, claim := range c.Claims(p) {
			kept[claim.Name] = true
		}
	}
	mine := []client.ListOption{client.InNamespace(c.Namespace), client.MatchingLabels{api.ClusterLabel: c.Name, api.NameLabel: c.Component()}}
	configs, claims := &corev1.ConfigMapList{}, &corev1.PersistentVolumeClaimList{}
	if err := errors.Join(r.Fresh.List(ctx, configs, mine...), r.Fresh.List(ctx, claims, mine...)); err != nil {
		return err
	}
	var err error
	for i := range configs.Items {
		if !kept[configs.Items[i].Name] {
			err = errors.Join(err, client.IgnoreNotFound(r.Delete(ctx, &configs.Items[i])))
		}
	}
	for i := range claims.Items {
		if claim := &claims.Items[i]; !kept[claim.Name] && claim.Annotations[nodes.DeleteClaim] == "true" {
			err = errors.Join(err, client.IgnoreNotFound(r.Delete(ctx, claim)))
		}
	}
	return err
}
