// Command page serves the lab's page. make up starts it after the deployment.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/scalestack/scalestack/lab/internal/deploy"
	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/page"
)

func main() {
	var o page.Options
	listen := flag.String("listen", "127.0.0.1:18080", "loopback address of the page")
	repo := flag.String("repo", ".", "the checkout whose lab it shows")
	flag.StringVar(&o.Namespace, "namespace", "scalestack", "the stack's namespace")
	flag.StringVar(&o.Service, "service", "", "base URL of the service users, past the edge")
	flag.StringVar(&o.Edge, "edge", "", "base URL of the edge")
	flag.StringVar(&o.EdgeAdmin, "edge-admin", "", "base URL of the edge's administration")
	flag.StringVar(&o.Mail, "mail", "", "base URL of the mail sink's view")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *listen, *repo, o); err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, listen, repo string, o page.Options) error {
	if err := os.Chdir(repo); err != nil {
		return err
	}
	p, err := paths.Find()
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", p.Kubeconfig("admin"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 50, 100 // a handful of requests a second
	if o.Client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if o.Shards, err = deploy.Setting(p, "postgres", "shards"); err != nil {
		return err
	}
	o.Deploy = func(ctx context.Context, postgres map[string]any, output io.Writer) error {
		return deploy.Change(ctx, p, "postgres", postgres, output)
	}
	server := &http.Server{Addr: listen, Handler: page.New(o).Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		server.Close() // a stream of states never ends by itself
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
