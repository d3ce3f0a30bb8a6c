package redis

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

const (
	// MonitorUser is the exporter's user: it reads statistics and no key.
	MonitorUser = "monitor"
	// ExporterPort is where the exporter answers /metrics.
	ExporterPort = 9121

	exporterPath = "/etc/redis-exporter"
	exporterFile = "passwords.json"
)

func exporterName(component string) string { return component + "-exporter" }

// exporterPeers is the exporter, if there is one.
func exporterPeers(component string, a *Args) []k8s.Peer {
	if a.Exporter == nil {
		return nil
	}
	return []k8s.Peer{{Pods: kube.ExporterLabels(exporterName(component)).Selector()}}
}

// exporter registers the exporter and returns the list of users with its own.
func (c *Redis) exporter(ctx *pulumi.Context, component string, a *Args, users pulumi.StringOutput) (pulumi.StringOutput, error) {
	parent, name := pulumi.Parent(c), exporterName(component)
	generated, err := random.NewRandomPassword(ctx, name+"-password", password(a), parent)
	if err != nil {
		return users, err
	}
	secret := pulumi.ToSecret(generated.Result).(pulumi.StringOutput)
	line := secret.ApplyT(monitorLine).(pulumi.StringOutput)
	made, err := corev1.NewSecret(ctx, name, exporterSecret(component, a, secret), parent)
	if err != nil {
		return users, err
	}
	e := cacheExporter(component, a, kube.Checksum(secret))
	account, err := corev1.NewServiceAccount(ctx, name+"-account", e.Account(), parent)
	if err != nil {
		return users, err
	}
	policy, err := networkingv1.NewNetworkPolicy(ctx, name+"-policy", e.Policy(), parent)
	if err != nil {
		return users, err
	}
	_, err = appsv1.NewDeployment(ctx, name+"-deployment", e.Deployment(), parent, pulumi.DependsOn([]pulumi.Resource{made, account, policy}))
	return pulumi.Sprintf("%s%s", users, line), err
}

// exporterSecret names the server in the two forms that releases of the exporter look
// for: with the user and without.
func exporterSecret(component string, a *Args, password pulumi.StringInput) *corev1.SecretArgs {
	name := exporterName(component)
	return &corev1.SecretArgs{
		Metadata: kube.ExporterLabels(name).Meta(name, a.Namespace),
		Type:     pulumi.String("Opaque"),
		StringData: pulumi.StringMap{
			exporterFile: pulumi.Sprintf("{%q: %q, %q: %q}\n", "redis://"+address(component), password,
				"redis://"+MonitorUser+"@"+address(component), password),
		},
	}
}

func address(component string) string { return fmt.Sprintf("%s:%d", component, Port) }

func cacheExporter(component string, a *Args, checksum pulumi.StringInput) kube.Exporter {
	name := exporterName(component)
	return kube.Exporter{
		Name: name, Namespace: a.Namespace, PullSecret: a.Exporter.PullSecret, Port: ExporterPort, PortName: "metrics", From: a.Exporter.MetricsFrom,
		To: []k8s.Target{{Peer: k8s.Peer{Pods: PodLabels(component)}, Port: Port}},
		Program: kube.Program{
			Image: a.Exporter.Image, PullPolicy: a.Exporter.ImagePullPolicy, Resources: a.Exporter.Resources,
			Args: []string{
				"-redis.addr=redis://" + address(component), "-redis.user=" + MonitorUser,
				"-redis.password-file=" + exporterPath + "/" + exporterFile,
				fmt.Sprintf("-web.listen-address=:%d", ExporterPort),
				// The user may not read the server's configuration.
				"-config-command=-",
			},
			Mounts: []k8s.Mount{{Name: "password", Path: exporterPath, Secret: pulumi.String(name)}},
		},
		Checksum: checksum,
	}
}
