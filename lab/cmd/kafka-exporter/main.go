// Command kafka-exporter is the lab's emulator of kafka_exporter. Its flags are those that Strimzi's start script gives
// to the real one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/scalestack/scalestack/lab/emulators/kafkaexporter"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kafka-exporter:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	options, listen, err := parse(args)
	if err != nil {
		return err
	}
	exporter, err := kafkaexporter.Connect(ctx, options)
	if err != nil {
		return err
	}
	defer exporter.Close()
	server := &http.Server{Addr: listen, Handler: kafkaexporter.Handler(exporter), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// parse reads the flags, which have the real program's defaults.
func parse(args []string) (o kafkaexporter.Options, listen string, err error) {
	flags := flag.NewFlagSet("kafka-exporter", flag.ContinueOnError)
	flags.StringVar(&listen, "web.listen-address", ":9308", "address that serves the metrics")
	flags.Func("kafka.server", "address of a broker; may be given several times", func(server string) error {
		o.Servers = append(o.Servers, server)
		return nil
	})
	topics := flags.String("topic.filter", ".*", "expression of the topics to tell")
	noTopics := flags.String("topic.exclude", "^$", "expression of the topics to leave out")
	groups := flags.String("group.filter", ".*", "expression of the groups to tell")
	noGroups := flags.String("group.exclude", "^$", "expression of the groups to leave out")
	secure := flags.Bool("tls.enabled", false, "connect with certificates")
	authorities := flags.String("tls.ca-file", "", "certificates that brokers are checked with: a file, or the *.crt of a folder")
	certificate := flags.String("tls.cert-file", "", "the exporter's own certificate")
	key := flags.String("tls.key-file", "", "its key")
	if err := flags.Parse(args); err != nil {
		return o, "", err
	}
	if len(o.Servers) == 0 {
		o.Servers = []string{"kafka:9092"}
	}
	if o.Topics, err = kafkaexporter.NewFilter(*topics, *noTopics); err != nil {
		return o, "", err
	}
	if o.Groups, err = kafkaexporter.NewFilter(*groups, *noGroups); err != nil {
		return o, "", err
	}
	if *secure {
		o.Security, err = kafkaexporter.Security(*authorities, *certificate, *key)
	}
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	return o, listen, err
}
