package strimzi

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// Options say where the operator runs.
type Options struct {
	Cluster *rest.Config
	Connect Connect
	// Image of a Kafka node, and of the Kafka Exporter.
	Image, ExporterImage string
	// Address that the operator comes from, as a CIDR.
	Address string
	// Health is the address that answers whether the operator works.
	Health string
}

// Run works until the context ends.
func Run(ctx context.Context, o Options) error {
	manager, err := ctrl.NewManager(o.Cluster, ctrl.Options{
		Scheme:                 NewScheme(),
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: o.Health,
	})
	if err != nil {
		return err
	}
	if err := manager.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	shared := objects{Client: manager.GetClient(), Fresh: manager.GetAPIReader(), Now: time.Now}
	open := &connections{connect: o.Connect}
	if err := watchClusters(manager, &clusters{
		objects: shared, connections: open, image: o.Image, exporterImage: o.ExporterImage, address: o.Address,
		waits: map[types.NamespacedName]time.Time{},
	}); err != nil {
		return err
	}
	if err := watchPodSets(manager, &podSets{objects: shared}); err != nil {
		return err
	}
	if err := watch(manager, &api.KafkaTopic{}, &topics{objects: shared, connections: open}); err != nil {
		return err
	}
	if err := watchUsers(manager, &users{objects: shared, connections: open}); err != nil {
		return err
	}
	return manager.Start(ctx)
}

// NewScheme knows Strimzi's types and those of Kubernetes' that the operator uses.
func NewScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme, rbacv1.AddToScheme, storagev1.AddToScheme,
		api.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			panic(err) // two types of one name, which no input changes
		}
	}
	return scheme
}

// asked is a change by a person or a program, not of the status.
var asked = predicate.Or(predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{})

// deleted users are the cluster's to forget.
var deleted = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	UpdateFunc: func(event.UpdateEvent) bool { return false },
}

func watchClusters(manager ctrl.Manager, r *clusters) error {
	toCluster := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, object client.Object) []reconcile.Request {
		if clusterOf(object).Name == "" {
			return nil
		}
		return []reconcile.Request{{NamespacedName: clusterOf(object)}}
	})
	return ctrl.NewControllerManagedBy(manager).
		For(&api.Kafka{}, builder.WithPredicates(asked)).
		Watches(&api.StrimziPodSet{}, toCluster).
		Watches(&api.KafkaNodePool{}, toCluster, builder.WithPredicates(asked)).
		Watches(&api.KafkaUser{}, toCluster, builder.WithPredicates(deleted)).
		Complete(r)
}

func watchPodSets(manager ctrl.Manager, r *podSets) error {
	return ctrl.NewControllerManagedBy(manager).For(&api.StrimziPodSet{}, builder.WithPredicates(asked)).Owns(&corev1.Pod{}).Complete(r)
}

// watchUsers looks at users' Secrets too: one that was changed or deleted is made again at once.
func watchUsers(manager ctrl.Manager, r *users) error {
	toUser := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, secret client.Object) []reconcile.Request {
		var all []reconcile.Request
		for _, owner := range secret.GetOwnerReferences() {
			if owner.Kind == api.UserKind {
				all = append(all, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: secret.GetNamespace(), Name: owner.Name}})
			}
		}
		return all
	})
	return ctrl.NewControllerManagedBy(manager).
		For(&api.KafkaUser{}, builder.WithPredicates(asked)).
		Watches(&corev1.Secret{}, toUser, builder.OnlyMetadata).
		Complete(r)
}

func watch(manager ctrl.Manager, object client.Object, r reconcile.Reconciler) error {
	return ctrl.NewControllerManagedBy(manager).For(object, builder.WithPredicates(asked)).Complete(r)
}
