package redis

import (
	"slices"
	"strconv"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

const (
	// Port where Redis listens.
	Port = 6379
	// AppUser is the application's user.
	AppUser = "app"

	// userID is the user redis of the official Debian image.
	userID     = 999
	configPath = "/etc/redis"
	aclPath    = "/etc/redis-acl"
	dataPath   = "/data"
)

func credentials(component string, a *Args, password pulumi.StringInput) *corev1.SecretArgs {
	return &corev1.SecretArgs{
		Metadata:   server{component: component}.labels().Meta(component+"-app", a.Namespace),
		Type:       pulumi.String("kubernetes.io/basic-auth"),
		StringData: pulumi.StringMap{"username": pulumi.String(AppUser), "password": password},
	}
}

func userFile(s server, a *Args, users pulumi.StringInput) *corev1.SecretArgs {
	return &corev1.SecretArgs{
		Metadata:   s.labels().Meta(s.name()+"-acl", a.Namespace),
		Type:       pulumi.String("Opaque"),
		StringData: pulumi.StringMap{"users.acl": users},
	}
}

func configMap(s server, a *Args) *corev1.ConfigMapArgs {
	return &corev1.ConfigMapArgs{
		Metadata: s.labels().Meta(s.name()+"-config", a.Namespace),
		Data:     pulumi.ToStringMap(files(a)),
	}
}

func files(a *Args) map[string]string {
	all := map[string]string{"redis.conf": serverConfig(a), "check.sh": checkScript}
	if a.TLS != nil {
		all["tls.sh"] = tlsScript
	}
	return all
}

func deployment(s server, a *Args, checksum pulumi.StringInput) *appsv1.DeploymentArgs {
	return &appsv1.DeploymentArgs{
		Metadata: s.labels().Meta(s.name(), a.Namespace),
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas:             pulumi.Int(1),
			RevisionHistoryLimit: pulumi.Int(3),
			Selector:             kube.Match(s.labels().Selector()),
			Strategy:             &appsv1.DeploymentStrategyArgs{Type: pulumi.String("Recreate")},
			Template: &corev1.PodTemplateSpecArgs{
				Metadata: &metav1.ObjectMetaArgs{
					Labels:      s.labels().All(),
					Annotations: annotations(s, a, checksum),
				},
				Spec: podSpec(s, a),
			},
		},
	}
}

func annotations(s server, a *Args, checksum pulumi.StringInput) pulumi.StringMap {
	all := pulumi.StringMap{kube.ChecksumAnnotation: checksum}
	if layout := s.smallestLayout(a); layout > 1 {
		all[layoutAnnotation] = pulumi.String(strconv.Itoa(layout))
	}
	return all
}

func service(s server, a *Args) *corev1.ServiceArgs {
	ports := corev1.ServicePortArray{}
	for _, open := range openPorts(a) {
		ports = append(ports, &corev1.ServicePortArgs{
			Name:       pulumi.String(open.name),
			Port:       pulumi.Int(open.number),
			TargetPort: pulumi.String(open.name),
			Protocol:   pulumi.String("TCP"),
		})
	}
	return &corev1.ServiceArgs{
		Metadata: kube.AwaitedByPods(s.labels().Meta(s.name(), a.Namespace)),
		Spec: &corev1.ServiceSpecArgs{
			Type:     pulumi.String("ClusterIP"),
			Selector: s.labels().Selector(),
			Ports:    ports,
		},
	}
}

// networkPolicy allows no egress: a cache connects to nothing.
func networkPolicy(s server, a *Args) *networkingv1.NetworkPolicyArgs {
	policy := kube.Policy{NoDNS: true}
	for _, open := range openPorts(a) {
		policy.Open = append(policy.Open, kube.Opening{Port: open.number, From: slices.Concat(exporterPeers(s, a), a.IngressFrom)})
	}
	return &networkingv1.NetworkPolicyArgs{
		Metadata: s.labels().Meta(s.name(), a.Namespace),
		Spec:     policy.Spec(s.labels().Selector()),
	}
}
