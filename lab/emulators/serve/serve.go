// Package serve runs one of the lab's emulator plugins as Pulumi runs a plugin: the
// engine's address is the last argument, the plugin prints the port that it listens on
// as its first line of output, and it ends with the engine.
package serve

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"google.golang.org/grpc"
)

// engineCheck is how often a plugin asks whether its engine is still there, so
// that an engine that was killed leaves no plugin behind for long.
const engineCheck = 10 * time.Second

// Plugin registers a plugin's gRPC service. The engine's address is empty when
// the plugin was started by hand; the engine then names it by Handshake or Attach.
type Plugin func(server *grpc.Server, engine string)

// Run serves a plugin until it is interrupted or its engine is gone.
func Run(args []string, stdout io.Writer, plugin Plugin) error {
	engine, err := engineAddress(args)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if engine != "" {
		if err := rpcutil.Healthcheck(ctx, engine, engineCheck, stop); err != nil {
			return fmt.Errorf("watching the engine: %w", err)
		}
	}
	return serve(ctx, stdout, func(server *grpc.Server) { plugin(server, engine) })
}

func serve(ctx context.Context, stdout io.Writer, register func(*grpc.Server)) error {
	ended := make(chan bool)
	context.AfterFunc(ctx, func() { close(ended) })
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel:  ended,
		Options: rpcutil.TracingServerInterceptorOptions(nil),
		Init: func(server *grpc.Server) error {
			register(server)
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	if _, err := fmt.Fprintln(stdout, handle.Port); err != nil {
		return fmt.Errorf("telling the port: %w", err)
	}
	return <-handle.Done
}

// engineAddress reads the command line that the engine gives to a plugin. The
// flags of its logging are accepted and not used.
func engineAddress(args []string) (string, error) {
	flags := flag.NewFlagSet("plugin", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Bool("logtostderr", false, "")
	flags.Bool("logflow", false, "")
	flags.Int("v", 0, "")
	flags.String("tracing", "", "")
	flags.String("root", "", "")
	if err := flags.Parse(args); err != nil {
		return "", err
	}
	if flags.NArg() > 1 {
		return "", errors.New("arguments: want at most one, the engine's address")
	}
	return flags.Arg(0), nil
}
