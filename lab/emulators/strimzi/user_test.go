package strimzi

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/admin"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/pki"
)

func user(authentication string, rules ...api.ACL) *api.KafkaUser {
	rate := 1024.0
	return &api.KafkaUser{ObjectMeta: meta("email"), Spec: api.UserSpec{
		Authentication: &api.Type{Type: authentication},
		Authorization:  &api.Authorization{Type: "simple", ACLs: rules},
		Quotas:         &api.Quotas{ProducerByteRate: &rate},
	}}
}

func rule(kind, name, pattern string, operations ...string) api.ACL {
	return api.ACL{Type: "allow", Host: "*", Operations: operations, Resource: api.ACLResource{Type: kind, Name: name, PatternType: pattern}}
}

func allowed(kind kmsg.ACLResourceType, name string, pattern kmsg.ACLResourcePatternType, operation kmsg.ACLOperation) admin.ACL {
	return admin.ACL{Resource: kind, Name: name, Pattern: pattern, Host: "*", Operation: operation, Permission: kmsg.ACLPermissionTypeAllow}
}

func (l *lab) user() *api.KafkaUser {
	l.Helper()
	found := &api.KafkaUser{}
	l.get("email", found)
	return found
}

func TestUserWithPassword(t *testing.T) {
	l := clusterLab(t, user("scram-sha-512", rule("topic", "user_events", "literal", "Describe", "Read"), rule("transactionalId", "tx-", "prefix", "Write")))
	require.Equal(t, soon, l.run(l.users(), "email").RequeueAfter)
	l.ready()
	l.run(l.users(), "email")

	data := l.data("email")
	password := string(data["password"])
	require.GreaterOrEqual(t, len(password), 26)
	require.Equal(t, `org.apache.kafka.common.security.scram.ScramLoginModule required username="email" password="`+password+`";`, string(data["sasl.jaas.config"]))
	require.Equal(t, admin.User{
		Name: "email", Password: password, Quotas: map[string]float64{"producer_byte_rate": 1024},
		ACLs: []admin.ACL{
			allowed(kmsg.ACLResourceTypeTopic, "user_events", kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLOperationDescribe),
			allowed(kmsg.ACLResourceTypeTopic, "user_events", kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLOperationRead),
			allowed(kmsg.ACLResourceTypeTransactionalId, "tx-", kmsg.ACLResourcePatternTypePrefixed, kmsg.ACLOperationWrite),
		},
	}, l.kafka.users["email"])
	require.True(t, api.IsReady(l.user().Status.Conditions))
	require.Equal(t, "email", l.user().Status.Secret)

	l.run(l.users(), "email")
	require.Equal(t, data, l.data("email"), "a password stays")
}

func TestUserWithCertificate(t *testing.T) {
	l := clusterLab(t, user("tls"))
	l.ready()
	l.run(l.users(), "email")
	data := l.data("email")
	_, err := tls.X509KeyPair(data["user.crt"], data["user.key"])
	require.NoError(t, err)
	require.True(t, pki.InKeyStore(data["user.p12"], string(data["user.password"]), pki.Pair{Certificate: data["user.crt"], Key: data["user.key"]}))
	require.Equal(t, l.data("kafka-clients-ca-cert")["ca.crt"], data["ca.crt"])
	require.Empty(t, l.kafka.users["CN=email"].Password)
	require.Equal(t, "CN=email", l.user().Status.Username)
	l.run(l.users(), "email")
	require.Equal(t, data, l.data("email"), "a certificate stays")
}

// The fault of a name that somebody else's Secret has: Strimzi's user operator replaces the Secret, and owns it.
func TestUserReplacesASecretOfItsName(t *testing.T) {
	other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "email", Namespace: "shop", Labels: map[string]string{"of": "redis"}},
		Data: map[string][]byte{"redis-password": []byte("x")}}
	l := clusterLab(t, user("scram-sha-512"), other)
	l.ready()
	l.run(l.users(), "email")
	secret := &corev1.Secret{}
	l.get("email", secret)
	require.NotContains(t, secret.Data, "redis-password")
	require.NotContains(t, secret.Labels, "of")
	require.Equal(t, "KafkaUser email", secret.OwnerReferences[0].Kind+" "+secret.OwnerReferences[0].Name)
}

func TestSecretPrefix(t *testing.T) {
	k, pool := resources(t)
	k.Spec.EntityOperator.UserOperator.SecretPrefix = "kafka-user-"
	l := newLab(t, k, pool, user("scram-sha-512"))
	l.ready()
	l.run(l.users(), "email")
	require.NotEmpty(t, l.data("kafka-user-email")["password"])
	require.Equal(t, "kafka-user-email", l.user().Status.Secret)
}

// Foreground deletion shows a resource that still exists: Strimzi makes its Secret again.
func TestUserThatIsBeingDeleted(t *testing.T) {
	deleted := user("scram-sha-512")
	deleted.Finalizers = []string{"foregroundDeletion"}
	l := clusterLab(t, deleted)
	l.ready()
	l.run(l.users(), "email")
	require.NoError(t, l.Delete(t.Context(), l.user()))
	require.NoError(t, l.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "email", Namespace: "shop"}}))
	l.run(l.users(), "email")
	require.NotEmpty(t, l.data("email")["password"])
}

func TestUserWithoutTheEntityOperator(t *testing.T) {
	l := clusterLab(t, user("scram-sha-512"))
	l.ready()
	l.stopEntityOperator()
	require.Equal(t, soon, l.run(l.users(), "email").RequeueAfter)
	require.Empty(t, l.user().Status.Conditions)
	l.kafka.users["left"] = admin.User{}
	l.run(l.clusters(), "kafka")
	require.Contains(t, l.kafka.users, "left", "nobody forgets a user")
}

func TestUserThatCannotBe(t *testing.T) {
	for want, u := range map[string]*api.KafkaUser{
		"authentication is neither": user("tls-external"),
		`unable to parse "table"`:   user("scram-sha-512", rule("table", "x", "literal", "Read")),
		`unable to parse "Fly"`:     user("scram-sha-512", rule("topic", "x", "literal", "Fly")),
	} {
		l := clusterLab(t, u)
		l.ready()
		require.Equal(t, resync, l.run(l.users(), "email").RequeueAfter)
		require.Contains(t, reason(l.user().Status.Conditions), want)
		require.Empty(t, l.kafka.users)
	}
}

func TestRulesForms(t *testing.T) {
	old := rule("cluster", "", "", "Create")
	old.Operation, old.Type, old.Host = "Describe", "", ""
	compiled, err := compile(old)
	require.NoError(t, err)
	require.Equal(t, []admin.ACL{
		allowed(kmsg.ACLResourceTypeCluster, "kafka-cluster", kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLOperationDescribe),
		allowed(kmsg.ACLResourceTypeCluster, "kafka-cluster", kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLOperationCreate),
	}, compiled)
	deny := rule("group", "email", "literal", "Read")
	deny.Type = "deny"
	compiled, err = compile(deny)
	require.NoError(t, err)
	require.Equal(t, kmsg.ACLPermissionTypeDeny, compiled[0].Permission)
}
