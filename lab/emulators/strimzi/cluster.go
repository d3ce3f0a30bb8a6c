package strimzi

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
)

// clusters reconciles Kafka resources with their pools.
type clusters struct {
	objects
	connections *connections
	image       string
	// address of the operator, as a CIDR, for the nodes' network policy.
	address string
}

// Reconcile brings one cluster nearer to its resource.
func (r *clusters) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	kafka := &api.Kafka{}
	if err := r.Get(ctx, request.NamespacedName, kafka); err != nil {
		if isGone(err) {
			r.connections.drop(request.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := kafka.DeepCopyObject().(*api.Kafka)
	condition, again, err := outcome(r.ensure(ctx, kafka), notReadyIs)
	kafka.Status.ObservedGeneration = kafka.Generation
	kafka.Status.Conditions = api.Since(before.Status.Conditions, append([]api.Condition{condition}, warnings(kafka)...), r.Now())
	return ctrl.Result{RequeueAfter: again}, errors.Join(err, r.report(ctx, before, kafka))
}

// ensure makes the objects and asks the cluster that they make whether it works.
func (r *clusters) ensure(ctx context.Context, kafka *api.Kafka) error {
	if err := check(kafka); err != nil {
		return err
	}
	pools := &api.KafkaNodePoolList{}
	if err := r.List(ctx, pools, client.InNamespace(kafka.Namespace), client.MatchingLabels{api.ClusterLabel: kafka.Name}); err != nil {
		return err
	}
	numbered, err := number(pools.Items)
	if err != nil {
		return err
	}
	c := &nodes.Cluster{Kafka: kafka, Pools: numbered, Image: r.image, Operator: r.address}
	certificates, err := r.ensureCertificates(ctx, c)
	if err != nil {
		return err
	}
	if err := r.applyAll(ctx, c, certificates); err != nil {
		return err
	}
	if err := r.nodesReady(ctx, c); err != nil {
		return err
	}
	return r.answers(ctx, c, certificates)
}

// applyAll writes the pools' numbers first: whatever happens next, a node keeps its own.
func (r *clusters) applyAll(ctx context.Context, c *nodes.Cluster, made certificates) error {
	for _, p := range c.Pools {
		if err := r.reportPool(ctx, c, p); err != nil {
			return err
		}
	}
	all := []client.Object{c.NetworkPolicy(), c.DisruptionBudget()}
	for _, service := range c.Services() {
		all = append(all, service)
	}
	for _, p := range c.Pools {
		all = append(all, c.Config(p), c.StatefulSet(p, made.authorities))
	}
	for _, object := range all {
		if err := r.apply(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

func (r *clusters) reportPool(ctx context.Context, c *nodes.Cluster, p nodes.Pool) error {
	before := p.DeepCopyObject().(*api.KafkaNodePool)
	p.Status.ObservedGeneration = p.Generation
	p.Status.NodeIDs, p.Status.Roles, p.Status.Replicas = p.IDs, p.Spec.Roles, p.Spec.Replicas
	p.Status.ClusterID = c.Status.ClusterID
	p.Status.LabelSelector = fmt.Sprintf("%s=%s,strimzi.io/pool-name=%s", api.ClusterLabel, c.Name, p.Name)
	return r.report(ctx, before, p.KafkaNodePool)
}

// nodesReady tells whether every node runs the newest configuration and is ready.
func (r *clusters) nodesReady(ctx context.Context, c *nodes.Cluster) error {
	for _, p := range c.Pools {
		set := &appsv1.StatefulSet{}
		if err := r.Fresh.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: c.Set(p)}, set); err != nil {
			return err
		}
		s := set.Status
		if s.ObservedGeneration < set.Generation || s.CurrentRevision != s.UpdateRevision || s.ReadyReplicas < int32(len(p.IDs)) {
			return waiting(fmt.Sprintf("pool %s: %d of %d nodes are ready", p.Name, s.ReadyReplicas, len(p.IDs)))
		}
	}
	return nil
}

// answers asks the cluster itself, and fills in the status that only a working cluster has.
func (r *clusters) answers(ctx context.Context, c *nodes.Cluster, made certificates) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	name := client.ObjectKeyFromObject(c.Kafka)
	connection, err := r.connections.to(name, c.ReplicationHosts(), made.ca, made.operator)
	if err != nil {
		return err
	}
	id, brokers, err := connection.Cluster(ctx)
	if err != nil {
		return err
	}
	if want := len(c.ReplicationHosts()); brokers < want {
		return waiting(fmt.Sprintf("%d of %d brokers joined the cluster", brokers, want))
	}
	r.connections.answered(name)
	status := &c.Status
	status.ClusterID, status.KafkaVersion, status.KafkaMetadataVersion = id, kafkaVersion, metadataVersion
	status.KafkaMetadataState = "KRaft"
	status.Listeners = c.Listeners(string(made.ca))
	status.KafkaNodePools = nil
	for _, p := range c.Pools {
		status.KafkaNodePools = append(status.KafkaNodePools, api.PoolReference{Name: p.Name})
	}
	return r.forgetUsers(ctx, name, connection)
}

// forgetUsers takes every right from those who have no KafkaUser: it was deleted, maybe while nobody watched, or the
// volume is from an earlier cluster.
func (r *clusters) forgetUsers(ctx context.Context, cluster types.NamespacedName, connection Admin) error {
	have, err := connection.Users(ctx)
	if err != nil {
		return err
	}
	users := &api.KafkaUserList{}
	if err := r.List(ctx, users, client.InNamespace(cluster.Namespace), client.MatchingLabels{api.ClusterLabel: cluster.Name}); err != nil {
		return err
	}
	known := map[string]bool{}
	for i := range users.Items {
		known[username(&users.Items[i])] = true
	}
	for _, name := range have {
		if known[name] {
			continue
		}
		if err := connection.DeleteUser(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
