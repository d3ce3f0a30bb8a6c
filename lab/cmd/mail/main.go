// Command mail is the lab's emulator of a mail provider.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/sync/errgroup"

	"github.com/scalestack/scalestack/lab/mail"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:1025", "address for SMTP")
	view := flag.String("http", "127.0.0.1:18025", "address of the view for tests")
	file := flag.String("file", "mail.jsonl", "file that keeps the mails")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *listen, *view, *file); err != nil {
		fmt.Fprintln(os.Stderr, "mail:", err)
		os.Exit(1)
	}
}

// serve runs until the context ends or one of the two servers fails, which ends the other.
func serve(ctx context.Context, listen, view, file string) error {
	store, err := mail.Open(file)
	if err != nil {
		return err
	}
	defer store.Close()
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	sink := &mail.Sink{Store: store}
	sender := sink.SMTP(listen)
	web := &http.Server{Addr: view, Handler: sink.Handler(), ReadHeaderTimeout: 10 * time.Second}

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return unless(smtp.ErrServerClosed, sender.Serve(listener)) })
	group.Go(func() error { return unless(http.ErrServerClosed, web.ListenAndServe()) })
	group.Go(func() error {
		<-ctx.Done()
		return errors.Join(sender.Close(), web.Close())
	})
	return group.Wait()
}

func unless(expected, err error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
