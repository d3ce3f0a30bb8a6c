package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/lab/internal/cluster"
	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/step"
	"github.com/scalestack/scalestack/lab/traefik"
)

// newGateway is apart from up: no stack needs a gateway unless it asks for one.
func newGateway() *cobra.Command {
	var stop bool
	command := inCheckout("gateway", "Start a gateway in the running lab: Traefik, with the Gateway API", func(ctx context.Context, p paths.Paths) error {
		if err := preflight(p); err != nil {
			return err
		}
		u := newRun(p)
		if stop {
			return u.Do(ctx, "gateway-stop", "stop the gateway", func(ctx context.Context, log *step.Log) error {
				definitions, err := traefik.Definitions(ctx)
				if err != nil {
					return err
				}
				return cluster.StopGateway(ctx, p, log, definitions)
			})
		}
		if err := u.Do(ctx, "gateway-start", "start the gateway", func(ctx context.Context, log *step.Log) error {
			if err := traefik.Binary(ctx, p); err != nil {
				return err
			}
			definitions, err := traefik.Definitions(ctx)
			if err != nil {
				return err
			}
			return cluster.StartGateway(ctx, p, log, definitions)
		}); err != nil {
			return err
		}
		fmt.Printf("class traefik serves https://%s and http://%s\n", cluster.GatewayHTTPS, cluster.GatewayHTTP)
		return nil
	})
	command.Flags().BoolVar(&stop, "stop", false, "stop it again, and delete the definitions with all objects of their kinds")
	return command
}
