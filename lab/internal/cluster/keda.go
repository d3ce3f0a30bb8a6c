package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/scalestack/scalestack/lab/internal/builds"
	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
)

const (
	// kedaName is KEDA's namespace, and its user.
	kedaName     = "keda"
	kedaService  = "keda-metrics-apiserver"
	kedaOperator = "keda-operator"
	kedaAdapter  = "keda-adapter"
)

// StartKEDA returns when autoscalers can ask KEDA.
func StartKEDA(ctx context.Context, p paths.Paths, log io.Writer) error {
	if err := kedaCertificates(p); err != nil {
		return err
	}
	source := builds.KEDASource(p)
	for _, manifest := range []string{filepath.Join(source, "config/crd/bases"), p.Config("keda.yaml"), filepath.Join(source, "config/rbac/role.yaml")} {
		if err := Apply(ctx, p, log, manifest); err != nil {
			return err
		}
	}
	if err := ensure(ctx, log, kedaOperatorSpec(p), kedaAdapterSpec(p)); err != nil {
		return err
	}
	if err := waitFor(ctx, time.Minute, "KEDA's operator", func() error { return answers(ctx, "http://"+kedaHealth+"/readyz") }); err != nil {
		return err
	}
	return waitFor(ctx, time.Minute, "KEDA's metrics", func() error {
		return kubectl(ctx, p, io.Discard, "get", "--raw", "/apis/external.metrics.k8s.io/v1beta1")
	})
}

// kedaFolder has the certificates under the names that KEDA gives them.
func kedaFolder(p paths.Paths) string { return p.PKI("keda-certificates") }

func kedaCertificates(p paths.Paths) error {
	if err := os.MkdirAll(kedaFolder(p), 0o700); err != nil {
		return err
	}
	for from, to := range map[string]string{"ca.crt": "ca.crt", kedaName + ".crt": "tls.crt", kedaName + ".key": "tls.key"} {
		content, err := os.ReadFile(p.PKI(from))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(kedaFolder(p), to), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// kedaOperatorSpec gives the operator a resolv.conf of its own, in a mount namespace of
// its own: brokers are found under names of the cluster, which the host does not know.
func kedaOperatorSpec(p paths.Paths) proc.Spec {
	spec := kedaSpec(p, kedaOperator)
	spec.Path = "/usr/bin/unshare"
	spec.Args = []string{
		"--mount", "--", "/bin/sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, p.Config("keda-resolv.conf"),
		p.Bin(kedaOperator), "--cert-dir=" + kedaFolder(p), "--metrics-service-bind-address=" + kedaMetrics,
		"--metrics-bind-address=0", "--health-probe-bind-address=" + kedaHealth, "--zap-log-level=info",
	}
	spec.Files = append(spec.Files, p.Config("keda-resolv.conf"))
	return spec
}

func kedaAdapterSpec(p paths.Paths) proc.Spec {
	config := p.Kubeconfig(kedaName)
	spec := kedaSpec(p, kedaAdapter)
	spec.Args = []string{
		"--lister-kubeconfig=" + config, "--authentication-kubeconfig=" + config, "--authorization-kubeconfig=" + config,
		"--bind-address=" + bridgeIP, "--secure-port=" + kedaPort, "--client-ca-file=" + p.PKI("ca.crt"),
		"--cert-dir=" + kedaFolder(p), "--tls-cert-file=" + p.PKI(kedaName+".crt"), "--tls-private-key-file=" + p.PKI(kedaName+".key"),
		"--metrics-service-address=" + kedaMetrics, "--metrics-service-grpc-authority=localhost", "--port=" + kedaOwnMetrics,
	}
	return spec
}

func kedaSpec(p paths.Paths, name string) proc.Spec {
	spec := newSpec(p, name)
	spec.Env = append(spec.Env, "KUBECONFIG="+p.Kubeconfig(kedaName), "POD_NAME="+name, "POD_NAMESPACE="+kedaName,
		"KEDA_CLUSTER_OBJECT_NAMESPACE="+kedaName, "WATCH_NAMESPACE=")
	spec.Files = []string{p.Bin(name + ".stamp")}
	return spec
}

// ReleaseScaledObjects takes KEDA's finalizers away where KEDA does not run: a
// deletion would wait for it for ever. Its autoscalers go with their owners.
func ReleaseScaledObjects(ctx context.Context, p paths.Paths, log io.Writer) error {
	if names, _ := proc.Running(); slices.Contains(names, kedaOperator) {
		return nil
	}
	for _, kind := range []string{"scaledobjects.keda.sh", "triggerauthentications.keda.sh"} {
		var known, found strings.Builder
		if err := kubectl(ctx, p, &known, "get", "customresourcedefinition", kind, "--ignore-not-found"); err != nil || known.Len() == 0 {
			return err
		}
		if err := kubectl(ctx, p, &found, "get", kind, "--all-namespaces", "--ignore-not-found",
			"-o", `jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}`); err != nil {
			return err
		}
		for _, one := range strings.Fields(found.String()) {
			namespace, name, _ := strings.Cut(one, "/")
			fmt.Fprintf(log, "KEDA does not run: its finalizer of %s %s is removed\n", kind, one)
			if err := kubectl(ctx, p, log, "patch", kind, name, "-n", namespace, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`); err != nil {
				return err
			}
		}
	}
	return nil
}
