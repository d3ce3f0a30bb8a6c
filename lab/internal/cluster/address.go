// Package cluster is the lab's Kubernetes: one control plane and one real node, or up
// to MaxNodes, each program with its flags, configuration and certificates. Everything
// listens on loopback or on the lab's own bridges.
//
// The first node runs on the machine itself. A further node looks like a separate
// machine to all others: it is a process that keeps a mount and a network namespace, a
// control group, and one virtual cable to the first node's bridge. Its kubelet,
// containerd and pods are in all three, so that Break can pull the cable and freeze or
// kill the group. Service addresses are translated on the first node, where the only
// kube-proxy runs.
package cluster

const (
	// NodeName is the name of the first node, and how the others' begin.
	NodeName = "lab"
	// Bridge is the network interface that the pods hang on.
	Bridge = "scalestack0"
	// bridgeIP is the first node's address: a kubelet refuses a loopback one.
	bridgeIP    = "10.244.0.1"
	bridgeCIDR  = "10.244.0.1/24"
	podCIDR     = "10.244.0.0/24"
	serviceCIDR = "10.96.0.0/16"
	// apiService and dnsService are the first and the tenth address of
	// serviceCIDR, as is the custom.
	apiService = "10.96.0.1"
	dnsService = "10.96.0.10"

	apiServer = "https://" + bridgeIP + ":6443"
	etcd      = "https://127.0.0.1:12379"
	etcdPeer  = "https://127.0.0.1:12380"

	// Edge is where a person reaches the product as the internet would.
	Edge = "127.0.0.1:18088"
	// EdgeAdmin takes purges.
	EdgeAdmin = "127.0.0.1:18089"
	// EdgeMetrics is where the edge's watcher serves what it has counted.
	EdgeMetrics = "127.0.0.1:18095"

	// Mail is where pods send mails to.
	Mail = bridgeIP + ":1025"
	// MailView shows tests what was sent.
	MailView = "127.0.0.1:18025"

	// Page is where a person sees the product at work.
	Page = "127.0.0.1:18080"
	// Metrics is where a person looks at what the product's programs tell.
	Metrics = "127.0.0.1:18428"

	// kubeState is where kube-state-metrics tells what Kubernetes knows, kubeStateOwn what it
	// is itself.
	kubeState    = "18096"
	kubeStateOwn = "18097"

	kedaHealth  = "127.0.0.1:18091"
	kedaMetrics = "127.0.0.1:18092"
	// kedaOwnMetrics is a port of the loopback address.
	kedaOwnMetrics = "18093"
	kedaPort       = "4444"

	// GatewayHTTPS and GatewayHTTP are where the gateway serves, with lab gateway.
	GatewayHTTPS = bridgeIP + ":" + gatewayHTTPS
	GatewayHTTP  = bridgeIP + ":" + gatewayHTTP
	gatewayHTTPS = "8443"
	gatewayHTTP  = "8880"
	// gatewayPing is Traefik's own entry point, for the probe alone.
	gatewayPing = "127.0.0.1:18094"

	// Store is where pods reach the S3 server, with lab start --s3.
	Store = bridgeIP + ":17070"

	operatorHealth = "127.0.0.1:18090"

	metricsPort = "4443"
	dnsReady    = bridgeIP + ":8181"
)
