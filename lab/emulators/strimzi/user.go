package strimzi

import (
	"context"
	"crypto/rand"
	"crypto/x509/pkix"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/admin"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/pki"
)

// users reconciles KafkaUser resources. Deleted ones are the cluster's to forget.
type users struct {
	objects
	connections *connections
}

// Reconcile brings one user nearer to its resource.
func (r *users) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	user := &api.KafkaUser{}
	if err := r.Get(ctx, request.NamespacedName, user); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	cluster := clusterOf(user)
	if cluster.Name == "" {
		return ctrl.Result{}, nil
	}
	// A user that is being deleted is treated like any other until it is gone, as Strimzi does: a Secret that
	// Kubernetes deletes before it is made again.
	connection, err := r.operates(ctx, r.connections, cluster, nodes.UserOperator)
	if err != nil || connection == nil {
		return ctrl.Result{RequeueAfter: soon}, err
	}
	before := user.DeepCopyObject().(*api.KafkaUser)
	condition, again, err := outcome(r.ensure(ctx, connection, cluster, user), notReadyIs)
	user.Status.ObservedGeneration = user.Generation
	user.Status.Conditions = api.Since(before.Status.Conditions, []api.Condition{condition}, r.Now())
	return ctrl.Result{RequeueAfter: again}, errors.Join(err, r.report(ctx, before, user))
}

func (r *users) ensure(ctx context.Context, connection Admin, cluster types.NamespacedName, user *api.KafkaUser) error {
	// KafkaUserModel.validateTlsUsername
	if authentication(user) == nodes.Certificate && len(user.Name) > 64 {
		return invalid("InvalidResourceException", "Users with TLS client authentication can have a username (name of the KafkaUser custom resource) only up to 64 characters long.")
	}
	rules, err := acls(user)
	if err != nil {
		return err
	}
	kafka := &api.Kafka{}
	if err := r.Get(ctx, cluster, kafka); err != nil {
		return err
	}
	meta := userMeta(kafka, user)
	have, err := r.secret(ctx, meta)
	if err != nil {
		return err
	}
	want := admin.User{Name: username(user), ACLs: rules, Quotas: quotas(user.Spec.Quotas)}
	var credentials map[string][]byte
	switch authentication(user) {
	case nodes.Scram:
		credentials = password(user.Name, have)
		want.Password = string(credentials["password"])
	case nodes.Certificate:
		if credentials, err = r.certificate(ctx, kafka, user.Name, have); err != nil {
			return err
		}
	default:
		return invalid("InvalidResourceException", "authentication is neither "+nodes.Scram+" nor "+nodes.Certificate)
	}
	// The Secret first: a password that Kafka has and nobody else would be lost with the operator. A Secret of that name
	// that was somebody else's is the user's from now on, like Strimzi's user operator has it.
	if err := r.put(ctx, &corev1.Secret{ObjectMeta: meta, Type: corev1.SecretTypeOpaque, Data: credentials}); err != nil {
		return err
	}
	if err := connection.EnsureUser(ctx, want); err != nil {
		return err
	}
	user.Status.Username, user.Status.Secret = want.Name, meta.Name
	return nil
}

// username is what Kafka knows the user by.
func username(user *api.KafkaUser) string {
	if authentication(user) == nodes.Certificate {
		return "CN=" + user.Name
	}
	return user.Name
}

func authentication(user *api.KafkaUser) string {
	if user.Spec.Authentication == nil {
		return ""
	}
	return user.Spec.Authentication.Type
}

// password keeps the one that is there.
func password(name string, have map[string][]byte) map[string][]byte {
	secret := string(have["password"])
	if secret == "" {
		secret = rand.Text()
	}
	return map[string][]byte{
		"password": []byte(secret),
		"sasl.jaas.config": fmt.Appendf(nil,
			"org.apache.kafka.common.security.scram.ScramLoginModule required username=%q password=%q;", name, secret),
	}
}

// certificate keeps the one that is there, as long as the authority is the same.
func (r *users) certificate(ctx context.Context, kafka *api.Kafka, name string, have map[string][]byte) (map[string][]byte, error) {
	c := &nodes.Cluster{Kafka: kafka}
	key, err := r.secret(ctx, c.Meta(c.ClientsCAKeySecret()))
	if err != nil {
		return nil, err
	}
	ca, err := r.secret(ctx, c.Meta(c.ClientsCASecret()))
	if err != nil {
		return nil, err
	}
	authority, err := pki.Load(pki.Pair{Certificate: ca[caCertificate], Key: key[caKey]})
	if err != nil {
		return nil, err
	}
	identity, pair := pkix.Name{CommonName: name}, pairOf(have, "user")
	if !authority.Fits(pair, identity, nil) {
		if pair, err = authority.Issue(identity, nil); err != nil {
			return nil, err
		}
	}
	data := map[string][]byte{caCertificate: ca[caCertificate]}
	return data, addKeyStore(data, have, "user", pair)
}

// userMeta is that of the user's Secret.
func userMeta(kafka *api.Kafka, user *api.KafkaUser) metav1.ObjectMeta {
	prefix := ""
	if e := kafka.Spec.EntityOperator; e != nil && e.UserOperator != nil {
		prefix = e.UserOperator.SecretPrefix
	}
	no := false
	return metav1.ObjectMeta{
		Name: prefix + user.Name, Namespace: user.Namespace,
		Labels:      map[string]string{api.ClusterLabel: kafka.Name, api.KindLabel: api.UserKind},
		Annotations: map[string]string{nodes.Emulator: nodes.EmulatorText},
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: api.Version.String(), Kind: api.UserKind, Name: user.Name, UID: user.UID, Controller: &no, BlockOwnerDeletion: &no,
		}},
	}
}
