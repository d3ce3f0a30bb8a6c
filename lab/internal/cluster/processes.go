package cluster

import (
	"os"

	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
)

// newSpec is one of the programs in the binary kube, whose stamp changes with
// what it is built from.
func newSpec(p paths.Paths, name string, args ...string) proc.Spec {
	return proc.Spec{
		Name: name, Path: p.Bin(name), Args: args,
		Env:  []string{"HOME=" + p.Home, "TMPDIR=" + os.TempDir()},
		Home: p.Home, Log: p.Log(name),
		Files: []string{p.Bin("kube.stamp")},
	}
}

func etcdSpec(p paths.Paths) proc.Spec {
	return newSpec(p, "etcd",
		"--name=lab",
		"--data-dir="+p.Data("etcd"),
		"--listen-client-urls="+etcd, "--advertise-client-urls="+etcd,
		"--listen-peer-urls="+etcdPeer, "--initial-advertise-peer-urls="+etcdPeer, "--initial-cluster=lab="+etcdPeer,
		"--cert-file="+p.PKI("etcd.crt"), "--key-file="+p.PKI("etcd.key"), "--trusted-ca-file="+p.PKI("ca.crt"), "--client-cert-auth",
		"--peer-cert-file="+p.PKI("etcd.crt"), "--peer-key-file="+p.PKI("etcd.key"), "--peer-trusted-ca-file="+p.PKI("ca.crt"), "--peer-client-cert-auth",
		// A lab survives a killed process, not a power cut.
		"--unsafe-no-fsync",
		"--log-level=warn",
	)
}

func apiServerSpec(p paths.Paths) proc.Spec {
	return newSpec(p, "kube-apiserver",
		"--etcd-servers="+etcd,
		"--etcd-cafile="+p.PKI("ca.crt"), "--etcd-certfile="+p.PKI("apiserver-etcd.crt"), "--etcd-keyfile="+p.PKI("apiserver-etcd.key"),
		"--bind-address="+bridgeIP, "--advertise-address="+bridgeIP, "--secure-port=6443",
		"--tls-cert-file="+p.PKI("apiserver.crt"), "--tls-private-key-file="+p.PKI("apiserver.key"), "--client-ca-file="+p.PKI("ca.crt"),
		"--anonymous-auth=false",
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--service-account-key-file="+p.PKI("service-account.key"),
		"--service-account-signing-key-file="+p.PKI("service-account.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-cluster-ip-range="+serviceCIDR,
		"--kubelet-certificate-authority="+p.PKI("ca.crt"),
		"--kubelet-client-certificate="+p.PKI("apiserver-kubelet.crt"), "--kubelet-client-key="+p.PKI("apiserver-kubelet.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file="+p.PKI("front-proxy-ca.crt"), "--requestheader-allowed-names="+frontProxy.name,
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+p.PKI("front-proxy-client.crt"), "--proxy-client-key-file="+p.PKI("front-proxy-client.key"),
		"--enable-aggregator-routing",
		"--allow-privileged=false",
		"--profiling=false",
	)
}

func controllerManagerSpec(p paths.Paths) proc.Spec {
	config := p.Kubeconfig("kube-controller-manager")
	return newSpec(p, "kube-controller-manager",
		"--kubeconfig="+config, "--authentication-kubeconfig="+config, "--authorization-kubeconfig="+config,
		"--bind-address=127.0.0.1", "--leader-elect=false", "--profiling=false",
		"--use-service-account-credentials",
		"--service-account-private-key-file="+p.PKI("service-account.key"), "--root-ca-file="+p.PKI("ca.crt"),
		// Quicker than the defaults of 15 s and 5 min, for a person who waits.
		"--horizontal-pod-autoscaler-sync-period=5s", "--horizontal-pod-autoscaler-cpu-initialization-period=30s",
	)
}

func schedulerSpec(p paths.Paths) proc.Spec {
	config := p.Kubeconfig("kube-scheduler")
	return newSpec(p, "kube-scheduler",
		"--kubeconfig="+config, "--authentication-kubeconfig="+config, "--authorization-kubeconfig="+config,
		"--bind-address=127.0.0.1", "--leader-elect=false", "--profiling=false",
	)
}

func containerdSpec(p paths.Paths, n node) proc.Spec {
	config, network := p.Config(n.below("containerd.toml")), p.Config(n.below("cni/10-scalestack.conflist"))
	s := newSpec(p, n.program("containerd"), "--config", config)
	s.Path = "/usr/bin/containerd"
	s.Files = []string{config, network}
	return n.inside(s)
}

// kubeletSpec tells the zone where there are several.
func kubeletSpec(p paths.Paths, n node, count int) proc.Spec {
	config := p.Config(n.below("kubelet.yaml"))
	s := newSpec(p, n.program("kubelet"),
		"--config="+config, "--kubeconfig="+p.Kubeconfig(n.program("kubelet")),
		"--root-dir="+p.Data(n.below("kubelet")), "--cert-dir="+p.Data(n.below("kubelet/pki")),
		"--hostname-override="+n.name(), "--node-ip="+n.ip(),
	)
	s.Path = p.Bin("kubelet")
	if count > 1 {
		s.Args = append(s.Args, "--node-labels=topology.kubernetes.io/zone="+n.zone())
	}
	s.Files = append(s.Files, config)
	return n.inside(s)
}

func kubeProxySpec(p paths.Paths) proc.Spec {
	s := newSpec(p, "kube-proxy", "--config="+p.Config("kube-proxy.yaml"))
	s.Files = append(s.Files, p.Config("kube-proxy.yaml"))
	return s
}

func dnsSpec(p paths.Paths) proc.Spec {
	s := newSpec(p, "coredns", "-conf", p.Config("Corefile"))
	s.Files = append(s.Files, p.Config("Corefile"))
	return s
}

func metricsServerSpec(p paths.Paths) proc.Spec {
	config := p.Kubeconfig("metrics-server")
	return newSpec(p, "metrics-server",
		"--kubeconfig="+config, "--authentication-kubeconfig="+config, "--authorization-kubeconfig="+config,
		"--bind-address="+bridgeIP, "--secure-port="+metricsPort,
		"--tls-cert-file="+p.PKI("metrics-server-server.crt"), "--tls-private-key-file="+p.PKI("metrics-server-server.key"),
		"--kubelet-certificate-authority="+p.PKI("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
		// The resolution must exceed the time-out.
		"--metric-resolution=10s", "--kubelet-request-timeout=8s",
	)
}

// kubeStateSpec is kube-state-metrics, for what the alerts ask of it.
func kubeStateSpec(p paths.Paths) proc.Spec {
	return newSpec(p, kubeStateName, "--kubeconfig="+p.Kubeconfig(kubeStateName), "--resources=deployments,horizontalpodautoscalers,persistentvolumeclaims,pods,statefulsets",
		"--host=127.0.0.1", "--port="+kubeState, "--telemetry-host=127.0.0.1", "--telemetry-port="+kubeStateOwn)
}

func volumeProvisionerSpec(p paths.Paths) proc.Spec {
	return newSpec(p, "volume-provisioner", "--kubeconfig="+p.Kubeconfig("volume-provisioner"), "--root="+p.Data("volumes"), "--node="+NodeName)
}
