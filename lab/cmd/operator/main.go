// Command operator is the lab's emulator of the Strimzi operator.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/scalestack/scalestack/lab/emulators/strimzi"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/admin"
)

func main() {
	ctrl.SetLogger(klog.Background())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "operator:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	// client-go registers a flag kubeconfig of its own on the default set.
	flags := flag.NewFlagSet("operator", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "how to reach the cluster")
	image := flags.String("image", "", "image of a Kafka node")
	exporterImage := flags.String("exporter-image", "", "image of the Kafka Exporter")
	address := flags.String("address", "127.0.0.1/32", "the operator's own address, for network policies")
	dns := flags.String("dns", "", "the cluster's DNS server; default: the machine's")
	health := flags.String("health", "127.0.0.1:8081", "address that answers /readyz")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	dial := dialer(*dns)
	return strimzi.Run(ctx, strimzi.Options{
		Cluster: config, Image: *image, ExporterImage: *exporterImage, Address: *address, Health: *health,
		Connect: func(brokers []string, security *tls.Config) (strimzi.Admin, error) {
			return admin.Connect(brokers, security, dial)
		},
	})
}

// dialer resolves the cluster's names as a pod does, whatever the machine's own resolver knows.
func dialer(dns string) admin.Dial {
	plain := &net.Dialer{Timeout: 10 * time.Second}
	if dns == "" {
		return plain.DialContext
	}
	plain.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, dns)
	}}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(host, ".svc") {
			host += ".cluster.local."
		}
		return plain.DialContext(ctx, network, net.JoinHostPort(host, port))
	}
}
