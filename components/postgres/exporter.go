package postgres

import (
	"fmt"
	"strconv"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

const (
	// ExporterPort is where the exporter answers /probe.
	ExporterPort = 9187

	// firstPort and a shard's id are its port of the exporter's Service.
	firstPort = 20000
	// exporterPort is not called metrics: /metrics, which scrapers ask on ports of that
	// name, tells nothing about any shard.
	exporterPort = "exporter"
	exporterPath = "/etc/postgres-exporter"
	exporterFile = "postgres_exporter.yml"
)

func exporterName(component string) string { return component + "-exporter" }

// exporterPeers are the exporter and the Job that makes its role, if there is one.
func exporterPeers(component string, a *Args) []k8s.Peer {
	if a.Exporter == nil {
		return nil
	}
	return []k8s.Peer{
		{Pods: kube.ExporterLabels(exporterName(component)).Selector()}, {Pods: monitorLabels(component).Selector()},
	}
}

// exporter registers the exporter behind everything else: no shard changes with it.
func (r *registrar) exporter() error {
	if r.args.Exporter == nil {
		return nil
	}
	name := exporterName(r.name)
	keepers := pulumi.StringMap{}
	if r.args.PasswordRotation > 0 {
		keepers["rotation"] = pulumi.String(strconv.Itoa(r.args.PasswordRotation))
	}
	secret, err := kube.Password(r.ctx, name+"-password", keepers, r.parent)
	if err != nil {
		return err
	}
	made, err := corev1.NewSecret(r.ctx, name, exporterSecret(r.name, r.args, secret), r.parent)
	if err != nil {
		return err
	}
	e := shardExporter(r.name, r.args, kube.Checksum(secret))
	account, err := corev1.NewServiceAccount(r.ctx, name+"-account", e.Account(), r.parent)
	if err != nil {
		return err
	}
	role, err := r.monitorRole(secret, made, account)
	if err != nil {
		return err
	}
	policy, err := networkingv1.NewNetworkPolicy(r.ctx, name+"-policy", e.Policy(), r.parent)
	if err != nil {
		return err
	}
	if _, err := appsv1.NewDeployment(r.ctx, name, e.Deployment(), r.parent,
		pulumi.DependsOn([]pulumi.Resource{role, policy})); err != nil {
		return err
	}
	_, err = corev1.NewService(r.ctx, name+"-service", exporterService(r.name, r.args), r.parent)
	return err
}

func exporterSecret(component string, a *Args, password pulumi.StringInput) *corev1.SecretArgs {
	name := exporterName(component)
	return &corev1.SecretArgs{
		Metadata: kube.ExporterLabels(name).Meta(name, a.Namespace),
		Type:     pulumi.String("Opaque"),
		StringData: pulumi.StringMap{
			monitorPassword: password,
			exporterFile: pulumi.Sprintf("auth_modules:\n  shards:\n    type: userpass\n    userpass: {username: %s, password: %q}\n"+
				"    options: {%s, connect_timeout: \"5\", application_name: %s}\n", MonitorRole, password, exporterTLS(a), name),
		},
	}
}

// exporterTLS are the options that decide how the exporter connects. It reads the
// authorities' file for each connection.
func exporterTLS(a *Args) string {
	if a.TLS == nil {
		return "sslmode: disable"
	}
	return "sslmode: " + verify + ", sslrootcert: " + clientAuthority
}

func shardExporter(component string, a *Args, checksum pulumi.StringInput) kube.Exporter {
	name := exporterName(component)
	args := []string{
		"--config.file=" + exporterPath + "/" + exporterFile, fmt.Sprintf("--web.listen-address=:%d", ExporterPort),
		"--log.level=warn", "--collector.long_running_transactions", "--collector.database_wraparound",
	}
	if statements(a) != "" {
		args = append(args, "--collector.stat_statements")
	}
	return kube.Exporter{
		Name: name, Namespace: a.Namespace, PullSecret: a.Exporter.PullSecret, Port: ExporterPort, PortName: exporterPort, From: a.Exporter.MetricsFrom,
		To: []k8s.Target{{Peer: k8s.Peer{Pods: PodLabels(component)}, Port: Port}}, Resolvers: a.Resolvers,
		Program: kube.Program{
			Image: a.Exporter.Image, PullPolicy: a.Exporter.ImagePullPolicy, Args: args, Resources: a.Exporter.Resources,
			Mounts: append([]k8s.Mount{{Name: "config", Path: exporterPath, Secrets: []k8s.SecretFiles{{
				Secret: pulumi.String(name), Files: map[string]string{exporterFile: exporterFile},
			}}}}, authorityMounts(component, a)...),
		},
		Checksum: checksum,
	}
}

// exporterService has a port for each shard, named as the shard. All lead to the one
// exporter: discovery makes a target of each, and the name says which shard to ask
// for. The Service has no address of its own.
func exporterService(component string, a *Args) *corev1.ServiceArgs {
	labels := kube.ExporterLabels(exporterName(component))
	ports := corev1.ServicePortArray{}
	for _, id := range a.Shards {
		ports = append(ports, &corev1.ServicePortArgs{
			Name:       pulumi.String(ShardName(id)),
			Port:       pulumi.Int(firstPort + id),
			TargetPort: pulumi.String(exporterPort),
			Protocol:   pulumi.String("TCP"),
		})
	}
	// The Deployment is waited for. A wait for the Service, which changes with each shard,
	// can end with the object of before in the state: the next deployment then updates it
	// once more.
	meta := labels.Meta(exporterName(component), a.Namespace)
	meta.Annotations = kube.SkipAwait()
	return &corev1.ServiceArgs{
		Metadata: meta,
		Spec:     &corev1.ServiceSpecArgs{ClusterIP: pulumi.String("None"), Selector: labels.Selector(), Ports: ports},
	}
}
