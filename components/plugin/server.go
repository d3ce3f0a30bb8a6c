package main

import (
	"context"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"

	outputs "github.com/scalestack/scalestack/components/internal/component"
)

// server is the plugin as the engine sees it. The engine does without the methods that
// are missing: there is nothing to configure, and a component is not created, read or
// deleted by itself.
type server struct {
	pulumirpc.UnimplementedResourceProviderServer
	host *provider.HostClient
}

func (s *server) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{}, nil
}

func (s *server) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	return &pulumirpc.GetSchemaResponse{Schema: schema}, nil
}

// Configure says that inputs may come as secrets and as outputs with their dependencies.
func (s *server) Configure(context.Context, *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	return &pulumirpc.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true, AcceptResources: true, AcceptOutputs: true}, nil
}

func (s *server) Attach(_ context.Context, req *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	host, err := provider.NewHostClient(req.GetAddress())
	if err != nil {
		return nil, err
	}
	s.host = host
	return &emptypb.Empty{}, nil
}

func (s *server) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (s *server) Construct(ctx context.Context, req *pulumirpc.ConstructRequest) (*pulumirpc.ConstructResponse, error) {
	made, known := components[req.GetType()]
	if !known {
		return nil, fmt.Errorf("the package %s has no component %s", name, req.GetType())
	}
	given, err := readInputs(req)
	if err != nil {
		return nil, err
	}
	return provider.Construct(ctx, req, s.host.EngineConn(), func(
		ctx *pulumi.Context, _, name string, later provider.ConstructInputs, opts pulumi.ResourceOption,
	) (*provider.ConstructResult, error) {
		resolved, err := later.Map()
		if err != nil {
			return nil, err
		}
		resource, err := made.construct(ctx, name, given.with(resolved), opts)
		if err != nil {
			return nil, err
		}
		return &provider.ConstructResult{URN: resource.URN(), State: outputs.Outputs(resource)}, nil
	})
}
