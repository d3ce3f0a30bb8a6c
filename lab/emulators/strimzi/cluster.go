package strimzi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
	// image of a node, and of the exporter.
	image, exporterImage string
	// address of the operator, as a CIDR, for the nodes' network policy.
	address string
	// waits says since when a cluster's nodes are awaited. One reconciliation runs at a time.
	waits map[types.NamespacedName]time.Time
}

// Reconcile brings one cluster nearer to its resource.
func (r *clusters) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	kafka := &api.Kafka{}
	if err := r.Get(ctx, request.NamespacedName, kafka); err != nil {
		if isGone(err) {
			r.connections.drop(request.NamespacedName)
			err = r.deleteInitBinding(ctx, &nodes.Cluster{Kafka: named(request.NamespacedName)})
		}
		return ctrl.Result{}, err
	}
	before := kafka.DeepCopyObject().(*api.Kafka)
	conditions, again, err := r.conditions(ctx, kafka)
	if len(before.Status.Conditions) > 0 && r.stillWaits(request.NamespacedName, conditions, again) {
		return ctrl.Result{RequeueAfter: again}, nil
	}
	kafka.Status.ObservedGeneration = kafka.Generation
	kafka.Status.Conditions = api.Since(before.Status.Conditions, conditions, r.Now())
	return ctrl.Result{RequeueAfter: again}, errors.Join(err, r.report(ctx, before, kafka))
}

// stillWaits reports whether the status is left as it is: Strimzi writes it at the end of a reconciliation, which lasts as
// long as its nodes take to restart and fails after five minutes. Until then a cluster that was Ready says so.
func (r *clusters) stillWaits(cluster types.NamespacedName, conditions []api.Condition, again time.Duration) bool {
	if again != soon {
		delete(r.waits, cluster)
		return false
	}
	since, waits := r.waits[cluster]
	if !waits {
		since = r.Now()
		r.waits[cluster] = since
	}
	if r.Now().Sub(since) < operationTime {
		return true
	}
	conditions[0].Reason = "TimeoutException"
	return false
}

// conditions are what came of it. A paused resource is left alone.
func (r *clusters) conditions(ctx context.Context, kafka *api.Kafka) ([]api.Condition, time.Duration, error) {
	if kafka.Annotations[api.PauseAnnotation] == "true" {
		return []api.Condition{api.Is(api.Paused, "", "")}, resync, nil
	}
	var notes []api.Condition
	condition, again, err := outcome(r.ensure(ctx, kafka, &notes), notReadyIs)
	return slices.Concat([]api.Condition{condition}, notes, warnings(kafka)), again, err
}

// ensure makes the objects and asks the cluster that they make whether it works. It adds what it does otherwise than
// asked to the notes. A resource that is being deleted is treated like any other, as Strimzi does: what Kubernetes
// deletes of it in the meantime is made again.
func (r *clusters) ensure(ctx context.Context, kafka *api.Kafka, notes *[]api.Condition) error {
	c, err := r.plan(ctx, kafka, notes)
	if err != nil {
		return err
	}
	made, err := r.ensureCertificates(ctx, c)
	if err != nil {
		return err
	}
	if err := r.applyAll(ctx, c, notes); err != nil {
		return err
	}
	if err := r.ensureInitBinding(ctx, c); err != nil {
		return err
	}
	if err := r.runNodes(ctx, c, made.trust); err != nil {
		return err
	}
	if err := r.forgetReplaced(ctx, c, made); err != nil {
		return err
	}
	if err := r.removeSurplus(ctx, c); err != nil {
		return err
	}
	if err := r.answers(ctx, c, made); err != nil {
		return err
	}
	if err := r.runEntityOperator(ctx, c); err != nil {
		return err
	}
	return r.runExporter(ctx, c, made.trust)
}

// plan is the cluster as it can be.
func (r *clusters) plan(ctx context.Context, kafka *api.Kafka, notes *[]api.Condition) (*nodes.Cluster, error) {
	if err := check(kafka); err != nil {
		return nil, err
	}
	pools := &api.KafkaNodePoolList{}
	if err := r.List(ctx, pools, client.InNamespace(kafka.Namespace), client.MatchingLabels{api.ClusterLabel: kafka.Name}); err != nil {
		return nil, err
	}
	if err := checkPools(kafka, pools.Items); err != nil {
		return nil, err
	}
	c := &nodes.Cluster{Kafka: kafka, ID: clusterID(kafka, pools.Items), Image: r.image, ExporterImage: r.exporterImage, Operator: r.address}
	var err error
	if c.Pools, err = number(pools.Items); err != nil {
		return nil, err
	}
	if err := r.keepStorage(ctx, c, notes); err != nil {
		return nil, err
	}
	if err := r.keepBrokersInUse(ctx, c, notes); err != nil {
		return nil, err
	}
	if err := checkNodes(c); err != nil {
		return nil, err
	}
	c.Metrics, err = r.metrics(ctx, kafka)
	return c, err
}

// applyAll writes the pools' numbers and the cluster's id first: whatever happens next, a node keeps both.
func (r *clusters) applyAll(ctx context.Context, c *nodes.Cluster, notes *[]api.Condition) error {
	for _, p := range c.Pools {
		if err := r.reportPool(ctx, c, p, *notes); err != nil {
			return err
		}
	}
	if err := r.applyClaims(ctx, c, notes); err != nil {
		return err
	}
	all := []client.Object{c.ServiceAccount(), c.NetworkPolicy(), c.DisruptionBudget()}
	for _, service := range c.Services() {
		all = append(all, service)
	}
	for _, p := range c.Pools {
		for _, config := range c.Configs(p) {
			all = append(all, config)
		}
	}
	return r.applyEach(ctx, all)
}

func (r *clusters) applyEach(ctx context.Context, all []client.Object) error {
	for _, object := range all {
		if err := r.apply(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// runNodes lists the pods for the pod sets' controller and restarts those that changed.
func (r *clusters) runNodes(ctx context.Context, c *nodes.Cluster, trust nodes.Trust) error {
	var sets []*api.StrimziPodSet
	for _, p := range c.Pools {
		set := c.PodSet(p, trust)
		if err := r.apply(ctx, set); err != nil {
			return err
		}
		sets = append(sets, set)
	}
	return r.roll(ctx, sets)
}

// reportPool leaves p as it is: writing a status reads the user's own spec back, and p may have another.
func (r *clusters) reportPool(ctx context.Context, c *nodes.Cluster, p nodes.Pool, notes []api.Condition) error {
	before, after := p.DeepCopyObject().(*api.KafkaNodePool), p.DeepCopyObject().(*api.KafkaNodePool)
	var own []api.Condition
	for _, note := range notes {
		if note.Reason == storageReason && strings.Contains(note.Message, p.Namespace+"/"+p.Name+" ") {
			own = append(own, note)
		}
	}
	after.Status = api.PoolStatus{
		Conditions:         api.Since(before.Status.Conditions, own, r.Now()),
		ObservedGeneration: p.Generation, NodeIDs: p.IDs, ClusterID: c.ID, Replicas: int32(len(p.IDs)),
		Roles:         slices.Sorted(slices.Values(p.Spec.Roles)),
		LabelSelector: fmt.Sprintf("%s=%s,%s=%s,%s=%s", api.ClusterLabel, c.Name, api.NameLabel, c.Component(), api.PoolLabel, p.Name),
	}
	return r.report(ctx, before, after)
}

// answers asks the cluster itself, and fills in the status that only a working cluster has.
func (r *clusters) answers(ctx context.Context, c *nodes.Cluster, made certificates) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	name := client.ObjectKeyFromObject(c.Kafka)
	connection, err := r.connections.to(name, c.ReplicationHosts(), made.bundle, made.operator)
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
	status.ClusterID, status.KafkaVersion, status.KafkaMetadataVersion = id, nodes.KafkaVersion, nodes.MetadataVersion
	status.KafkaMetadataState = "KRaft"
	status.Listeners = c.Listeners(string(made.current))
	status.KafkaNodePools = nil
	for _, p := range c.Pools {
		status.KafkaNodePools = append(status.KafkaNodePools, api.PoolReference{Name: p.Name})
	}
	// Without its user operator nobody forgets a user.
	if ready, err := r.entityReady(ctx, name, nodes.UserOperator); err != nil || !ready {
		return err
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
