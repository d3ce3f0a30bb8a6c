package postgres

import (
	_ "embed"
	"fmt"
	"maps"
	"strings"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/job"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/sharding/owner"
)

const (
	// MonitorRole is the exporter's role on every shard: a member of pg_monitor that
	// reads statistics and no rows.
	MonitorRole = "monitor"

	statementsLibrary  = "pg_stat_statements"
	monitorPassword    = "password"
	monitorPath        = "/etc/monitor"
	monitorCredentials = "/etc/monitor-credentials"
)

//go:embed monitor.sh
var monitorScript string

func monitorName(component string) string { return component + "-monitor" }

func monitorLabels(component string) kube.Labels {
	return kube.Labels{Name: monitorName(component), Instance: monitorName(component)}
}

// monitorRole registers the Job that makes the role once every shard has been rolled
// out, and again with each new shard and password.
func (r *registrar) monitorRole(password pulumi.StringOutput, secret *corev1.Secret, account *corev1.ServiceAccount) (*batchv1.Job, error) {
	// The password has 190 bits, so that its sum in the Job's name tells nothing.
	a := monitorArgs(r.name, r.args, pulumi.Unsecret(kube.Checksum(password)).(pulumi.StringOutput))
	a.After = []pulumi.Resource{r.rolledOut, r.policy}
	name := monitorName(r.name)
	return job.Register(r.ctx, job.Owner{Name: name, Labels: monitorLabels(r.name), ServiceAccount: exporterName(r.name), Container: name}, a,
		r.parent, pulumi.DependsOn([]pulumi.Resource{secret, account}))
}

func monitorArgs(component string, a *Args, password pulumi.StringInput) *job.Args {
	args := &job.Args{
		Namespace: a.Namespace, Image: a.Image, ImagePullPolicy: a.ImagePullPolicy, User: userID,
		Command: []string{"sh", "-c", monitorScript}, RestartOn: password,
		Resources: k8s.Resources{CPURequest: "20m", CPULimit: "500m", Memory: "64Mi"},
		EgressTo:  []k8s.Target{{Peer: k8s.Peer{Pods: PodLabels(component)}, Port: Port}}, Resolvers: a.Resolvers,
		Retries: 6, DeadlineSeconds: imageSeconds + 300, TerminationGraceSeconds: 5,
	}
	credentials := k8s.Mount{Name: "credentials", Path: monitorCredentials}
	var shards strings.Builder
	for _, id := range a.Shards {
		p := plan{Args: a, component: component, id: id}
		fmt.Fprintf(&shards, "%s %s %d %s\n", ShardName(id), p.object(), Port, Database(id))
		credentials.Secrets = append(credentials.Secrets, k8s.SecretFiles{
			Secret: pulumi.String(p.secret(AdminCredentials)), Files: LoginFiles(MoverLogin, ShardName(id), a.hasFormer()),
		})
	}
	args.Revision = shards.String() + a.restoreRevision()
	args.Mounts = append(authorityMounts(component, a), credentials, k8s.Mount{Name: "monitor", Path: monitorPath, Secrets: []k8s.SecretFiles{{
		Secret: pulumi.String(exporterName(component)), Files: map[string]string{monitorPassword: "password"},
	}}})
	args.Env = map[string]pulumi.StringInput{
		"SHARDS": pulumi.String(strings.TrimSpace(shards.String())), "CREDENTIALS": pulumi.String(monitorCredentials),
		"ROLE": pulumi.String(owner.Mover), "PASSWORD": pulumi.String(monitorPath + "/password"),
	}
	if a.TLS != nil {
		// A certificate has the Service's whole name.
		args.Revision += "TLS"
		args.Env["DOMAIN"] = pulumi.Sprintf(".%s.svc.cluster.local", a.Namespace)
		maps.Copy(args.Env, clientVariables(a))
	}
	return args
}

// statements is the extension that counts statements, if the servers load it.
func statements(a *Args) string {
	if strings.Contains(a.Settings["shared_preload_libraries"], statementsLibrary) {
		return statementsLibrary
	}
	return ""
}
