package kube

import (
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/k8s"
)

// exporterUser is nobody, as whom the exporters' official images run.
const exporterUser = 65534

// Exporter is a program in its own pod that queries a server and serves the answers as
// metrics.
type Exporter struct {
	// Name of the objects and of the container, which becomes the metrics' label.
	Name      string
	Namespace pulumi.StringInput
	// PullSecret is the Secret with which nodes pull the image, "" for none.
	PullSecret string
	// Resolvers are the only DNS servers that the pod may ask. Default: any.
	Resolvers []k8s.Peer
	// Program is what runs. Its Name is ignored.
	Program Program
	// Port that serves the metrics, and PortName by which scrapers find it. Its "/"
	// answers without asking the server.
	Port     int
	PortName string
	// From may read the metrics, To is what the program asks.
	From []k8s.Peer
	To   []k8s.Target
	// Checksum restarts the program when what it reads at its start has changed.
	Checksum pulumi.StringInput
}

// ExporterLabels are the labels of the pod of the exporter with this name.
func ExporterLabels(name string) Labels { return Labels{Name: name, Instance: name} }

// Account is the exporter's own, without a token.
func (e Exporter) Account() *corev1.ServiceAccountArgs {
	return ServiceAccount(e.Name, ExporterLabels(e.Name), e.Namespace, e.PullSecret)
}

// Policy lets the scrapers in and the exporter to what it asks.
func (e Exporter) Policy() *networkingv1.NetworkPolicyArgs {
	policy := Policy{Open: []Opening{{Port: e.Port, From: e.From}}, To: e.To, Resolvers: e.Resolvers}
	return &networkingv1.NetworkPolicyArgs{
		Metadata: ExporterLabels(e.Name).Meta(e.Name, e.Namespace),
		Spec:     policy.Spec(ExporterLabels(e.Name).Selector()),
	}
}

// Deployment runs one pod. The old one stops first, because two would count the server
// twice.
func (e Exporter) Deployment() *appsv1.DeploymentArgs {
	labels := ExporterLabels(e.Name)
	return &appsv1.DeploymentArgs{
		Metadata: labels.Meta(e.Name, e.Namespace),
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas:             pulumi.Int(1),
			RevisionHistoryLimit: pulumi.Int(3),
			Selector:             Match(labels.Selector()),
			Strategy:             &appsv1.DeploymentStrategyArgs{Type: pulumi.String("Recreate")},
			Template: &corev1.PodTemplateSpecArgs{
				Metadata: PodMeta(labels, pulumi.StringMap{ChecksumAnnotation: e.Checksum}),
				Spec:     PodSpec(e.container(), e.Program.Mounts, e.Name, exporterUser, 5),
			},
		},
	}
}

func (e Exporter) container() *corev1.ContainerArgs {
	e.Program.Name = e.Name
	c := e.Program.Container()
	c.Ports = corev1.ContainerPortArray{ContainerPort(e.PortName, e.Port)}
	c.StartupProbe, c.ReadinessProbe, c.LivenessProbe = e.probe(1, 30), e.probe(10, 3), e.probe(10, 6)
	return c
}

func (e Exporter) probe(period, failures int) *corev1.ProbeArgs {
	return &corev1.ProbeArgs{
		HttpGet:          &corev1.HTTPGetActionArgs{Path: pulumi.String("/"), Port: pulumi.String(e.PortName)},
		PeriodSeconds:    pulumi.Int(period),
		TimeoutSeconds:   pulumi.Int(3),
		FailureThreshold: pulumi.Int(failures),
	}
}
