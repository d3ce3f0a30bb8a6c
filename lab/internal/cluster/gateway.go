package cluster

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
	"github.com/scalestack/scalestack/lab/traefik"
)

const (
	// gatewayName is Traefik's process and user.
	gatewayName = traefik.Name
	// gatewayServer has a certificate for *.example.com, of the cluster's CA.
	gatewayServer = "gateway-server"
)

// StartGateway returns when Traefik has taken its class.
func StartGateway(ctx context.Context, p paths.Paths, log io.Writer, definitions []string) error {
	for _, file := range append(definitions, p.Config("gateway.yaml")) {
		if err := Apply(ctx, p, log, file); err != nil {
			return err
		}
	}
	if err := ensure(ctx, log, gatewaySpec(p)); err != nil {
		return err
	}
	if err := waitFor(ctx, time.Minute, "the gateway", func() error { return answers(ctx, "http://"+gatewayPing+"/ping") }); err != nil {
		return err
	}
	return waitFor(ctx, time.Minute, "the gateway's class", func() error {
		return kubectl(ctx, p, io.Discard, "wait", "gatewayclass/"+gatewayName, "--for=condition=Accepted", "--timeout=1s")
	})
}

// StopGateway takes away what StartGateway made, the definitions and all objects of
// their kinds.
func StopGateway(ctx context.Context, p paths.Paths, log io.Writer, definitions []string) error {
	if err := proc.Stop(ctx, 20*time.Second, gatewayName); err != nil {
		return err
	}
	for _, file := range append([]string{p.Config("gateway.yaml")}, definitions...) {
		if err := kubectl(ctx, p, log, "delete", "-f", file, "--ignore-not-found", "--timeout=60s"); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// gatewaySpec serves metrics nowhere.
func gatewaySpec(p paths.Paths) proc.Spec {
	spec := newSpec(p, gatewayName,
		"--entrypoints.websecure.address="+GatewayHTTPS, "--entrypoints.web.address="+GatewayHTTP,
		"--entrypoints.traefik.address="+gatewayPing, "--ping=true",
		"--providers.kubernetesgateway=true", "--providers.kubernetesgateway.statusaddress.ip="+bridgeIP,
		"--providers.providersthrottleduration=500ms",
		"--global.checknewversion=false", "--global.sendanonymoususage=false", "--log.level=INFO",
	)
	spec.Env = append(spec.Env, "KUBECONFIG="+p.Kubeconfig(gatewayName))
	spec.Files = []string{p.Bin(gatewayName + ".stamp")}
	return spec
}
