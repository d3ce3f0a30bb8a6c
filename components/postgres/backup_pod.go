package postgres

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

const (
	bucketCredentialsPath = "/etc/backup-credentials"
	// backupPort is where the container backup serves metrics.
	backupPort      = 9188
	backupAliveFile = "/tmp/backup-alive"
)

// backedUp adds to a shard's pod what makes its base backups, and the bucket's
// credentials to the containers that read or write the archive.
func backedUp(p plan, spec *corev1.PodSpecArgs) *corev1.PodSpecArgs {
	if p.Backup == nil {
		return spec
	}
	spec.Containers = append(spec.Containers.(corev1.ContainerArray), backupContainer(p))
	spec.Volumes = append(spec.Volumes.(corev1.VolumeArray), kube.EmptyDir("backup-tmp", "512Mi"))
	p.Backup.addCredentials(spec)
	for _, c := range slices.Concat(spec.InitContainers.(corev1.ContainerArray), spec.Containers.(corev1.ContainerArray)) {
		if c := c.(*corev1.ContainerArgs); c.Name != pulumi.String("roles") {
			p.Backup.mountCredentials(c)
		}
	}
	if p.ownAccount() {
		spec.ServiceAccountName = pulumi.String(p.object())
	}
	return spec
}

// addCredentials gives a pod the bucket's credentials, where they are in a Secret.
func (b *Backup) addCredentials(spec *corev1.PodSpecArgs) {
	if b.CredentialsSecret != "" {
		spec.Volumes = append(spec.Volumes.(corev1.VolumeArray), kube.SecretVolume("backup-credentials", b.CredentialsSecret))
	}
}

// mountCredentials lets a container of such a pod read them.
func (b *Backup) mountCredentials(c *corev1.ContainerArgs) {
	if b.CredentialsSecret != "" {
		c.VolumeMounts = append(c.VolumeMounts.(corev1.VolumeMountArray), kube.ReadOnlyMount("backup-credentials", bucketCredentialsPath))
	}
}

// ownAccount tells that the pods of a shard have a ServiceAccount of their own.
func (p plan) ownAccount() bool {
	return p.replicated() || p.Backup != nil && len(p.Backup.ServiceAccountAnnotations) > 0
}

// account is the ServiceAccount of the shard's pods.
func account(p plan) *corev1.ServiceAccountArgs {
	args := kube.ServiceAccount(p.object(), p.labels(), p.Namespace, p.PullSecret)
	if p.Backup != nil && len(p.Backup.ServiceAccountAnnotations) > 0 {
		args.Metadata.(*metav1.ObjectMetaArgs).Annotations = pulumi.ToStringMap(p.Backup.ServiceAccountAnnotations)
	}
	return args
}

// backupLoop begins the program again whenever it ends: the shard's pod is ready only while
// each of its containers runs, and nobody waits for a base backup.
const backupLoop = `trap 'kill "$program"; exit 0' TERM
while :; do
	python3 -I "$CONFIG/backup.py" run & program=$!
	wait "$program" || echo "backup: the program ended with $?, beginning anew" >&2
	sleep 5
done`

// backupContainer reads the data folder, and writes to a folder of its own only. It is ready
// once it runs.
func backupContainer(p plan) *corev1.ContainerArgs {
	c := container(p, "backup", "sh", "-c", backupLoop)
	c.Env = append(c.Env.(corev1.EnvVarArray), env("CONFIG", configPath), env("SOCKET", socketPath), env("PORT", strconv.Itoa(backupPort)), env("ALIVE", backupAliveFile))
	c.Ports = corev1.ContainerPortArray{kube.ContainerPort("metrics", backupPort)}
	c.Resources = kube.Resources(p.Backup.Resources)
	c.VolumeMounts = corev1.VolumeMountArray{
		kube.ReadOnlyMount("data", volumePath), kube.ReadOnlyMount("config", configPath), kube.Mount("run", socketPath),
		kube.Mount("backup-tmp", "/tmp"),
	}
	if p.replicated() {
		c.Env = append(c.Env.(corev1.EnvVarArray), podEnv())
	}
	c.ReadinessProbe = probe("test -s "+backupAliveFile, 5, 3)
	// It looks every 15 seconds, while it makes a base backup too.
	c.LivenessProbe = kube.Lately(backupAliveFile, 600)
	return c
}

// openForBackup lets scrapers reach the metrics of the base backups.
func openForBackup(policy *networkingv1.NetworkPolicyArgs, b *Backup) {
	spec := policy.Spec.(*networkingv1.NetworkPolicySpecArgs)
	metrics := kube.Policy{Open: []kube.Opening{{Port: backupPort, From: b.MetricsFrom}}, NoDNS: true}.Spec(nil)
	spec.Ingress = append(spec.Ingress.(networkingv1.NetworkPolicyIngressRuleArray), metrics.Ingress.(networkingv1.NetworkPolicyIngressRuleArray)...)
}

// egress leads to the bucket.
func (b *Backup) egress() networkingv1.NetworkPolicyEgressRuleArray {
	var all networkingv1.NetworkPolicyEgressRuleArray
	lead := func(to []k8s.Target) {
		all = append(all, kube.Policy{To: to, NoDNS: true}.Spec(nil).Egress.(networkingv1.NetworkPolicyEgressRuleArray)...)
	}
	for _, port := range b.ports() {
		if len(b.EgressTo) == 0 {
			all = append(all, kube.AnyAddress(port))
			continue
		}
		var to []k8s.Target
		for _, peer := range b.EgressTo {
			to = append(to, k8s.Target{Peer: peer, Port: port})
		}
		lead(to)
	}
	if b.CredentialsSecret == "" {
		lead(podIdentity())
	}
	return all
}

// podIdentity are the addresses of the agent of EKS Pod Identity, on the pod's own node.
// Nothing else answers there.
func podIdentity() []k8s.Target {
	var all []k8s.Target
	for _, cidr := range []string{"169.254.170.23/32", "fd00:ec2::23/128"} {
		all = append(all, k8s.Target{Peer: k8s.Peer{CIDR: pulumi.String(cidr)}, Port: 80})
	}
	return all
}

// egressRevision changes with where egress leads, as far as that is known before the deployment.
func (b *Backup) egressRevision() string {
	text := fmt.Sprint(b.ports())
	if b.CredentialsSecret == "" {
		text += "\nown identity"
	}
	for _, peer := range b.EgressTo {
		cidr, _ := settings.String(peer.CIDR)
		text += fmt.Sprintf("\n%s %s %s", cidr, knownLabels(peer.Pods), knownLabels(peer.Namespaces))
	}
	return kube.Sum(text)[:rolloutLength]
}

func knownLabels(labels pulumi.StringMapInput) string {
	given, _ := labels.(pulumi.StringMap)
	known := map[string]string{}
	for key, value := range given {
		known[key], _ = settings.String(value)
	}
	return fmt.Sprint(known)
}

// ports are the endpoint's, and that of the service that gives the pods their identity.
func (b *Backup) ports() []int {
	ports := []int{443}
	if endpoint, err := url.Parse(b.Endpoint); err == nil && b.Endpoint != "" {
		port := 443
		if endpoint.Scheme == "http" {
			port = 80
		}
		if given, err := strconv.Atoi(endpoint.Port()); err == nil {
			port = given
		}
		if b.CredentialsSecret != "" {
			ports = nil
		}
		ports = append(ports, port)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

func checkAnnotations(path *field.Path, annotations map[string]string) field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if len(validation.IsQualifiedName(key)) > 0 {
			errs = append(errs, field.Invalid(path, settings.Short(key), "the key must be that of an annotation, such as eks.amazonaws.com/role-arn"))
		}
	}
	return errs
}
