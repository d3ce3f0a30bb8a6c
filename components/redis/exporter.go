package redis

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
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
	// authorityPath is where the exporter has what it verifies the server with.
	authorityPath = "/etc/redis-ca"
)

func exporterName(server string) string { return server + "-exporter" }

// exporterPeers is the exporter, if there is one.
func exporterPeers(s server, a *Args) []k8s.Peer {
	if a.Exporter == nil {
		return nil
	}
	return []k8s.Peer{{Pods: kube.ExporterLabels(exporterName(s.name())).Selector()}}
}

// exporter registers the exporter and returns the list of users with its own.
func (c *Redis) exporter(ctx *pulumi.Context, s server, a *Args, users pulumi.StringOutput) (pulumi.StringOutput, error) {
	parent, name := pulumi.Parent(c), exporterName(s.name())
	secret, err := c.generate(ctx, name, a.PasswordRotation)
	if err != nil {
		return users, err
	}
	line := secret.ApplyT(monitorLine).(pulumi.StringOutput)
	made, err := corev1.NewSecret(ctx, name, exporterSecret(s, a, secret), parent)
	if err != nil {
		return users, err
	}
	e := cacheExporter(s, a, kube.Checksum(secret))
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
func exporterSecret(s server, a *Args, password pulumi.StringInput) *corev1.SecretArgs {
	name := exporterName(s.name())
	return &corev1.SecretArgs{
		Metadata: kube.ExporterLabels(name).Meta(name, a.Namespace),
		Type:     pulumi.String("Opaque"),
		StringData: pulumi.StringMap{
			exporterFile: pulumi.Sprintf("{\"%s%s\": %q, \"%s%s@%s\": %q}\n", scheme(a), address(s, a), password,
				scheme(a), MonitorUser, address(s, a), password),
		},
	}
}

// address of the server. A certificate has the Service's whole name.
func address(s server, a *Args) pulumi.StringOutput {
	if a.TLS == nil {
		return pulumi.Sprintf("%s:%d", s.name(), Port)
	}
	return pulumi.Sprintf("%s:%d", serverName(s, a), TLSPort)
}

func scheme(a *Args) string {
	if a.TLS == nil {
		return "redis://"
	}
	return "rediss://"
}

func cacheExporter(s server, a *Args, checksum pulumi.StringInput) kube.Exporter {
	name := exporterName(s.name())
	return kube.Exporter{
		Name: name, Namespace: a.Namespace, PullSecret: a.Exporter.PullSecret, Port: ExporterPort, PortName: "metrics", From: a.Exporter.MetricsFrom,
		To: []k8s.Target{{Peer: k8s.Peer{Pods: s.labels().Selector()}, Port: ClientPort(a.TLS)}}, Resolvers: a.Resolvers,
		Program: kube.Program{
			Image: a.Exporter.Image, PullPolicy: a.Exporter.ImagePullPolicy, Resources: a.Exporter.Resources,
			Args: append(exporterServer(s, a),
				"-redis.user="+MonitorUser,
				"-redis.password-file="+exporterPath+"/"+exporterFile,
				fmt.Sprintf("-web.listen-address=:%d", ExporterPort),
				// The user may not read the server's configuration.
				"-config-command=-",
			),
			Env:    exporterEnv(s, a),
			Mounts: append(exporterAuthority(s, a), k8s.Mount{Name: "password", Path: exporterPath, Secret: pulumi.String(name)}),
		},
		Checksum: checksum,
	}
}

// exporterServer are the arguments that say where the server is, and with TLS who vouches
// for it. The exporter reads the authorities' file for each connection.
func exporterServer(s server, a *Args) []string {
	if a.TLS == nil {
		return []string{fmt.Sprintf("-redis.addr=redis://%s:%d", s.name(), Port)}
	}
	return []string{"-tls-ca-cert-file=" + authorityPath + "/" + k8s.AuthorityKey}
}

// exporterEnv has the address where it is known only during the deployment.
func exporterEnv(s server, a *Args) []kube.Env {
	if a.TLS == nil {
		return nil
	}
	return []kube.Env{{"REDIS_ADDR": pulumi.Sprintf("%s%s", scheme(a), address(s, a))}}
}

func exporterAuthority(s server, a *Args) []k8s.Mount {
	if a.TLS == nil {
		return nil
	}
	return []k8s.Mount{a.TLS.Authority(s.name(), "redis-ca", authorityPath)}
}
