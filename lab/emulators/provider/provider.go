// Package provider turns a declaration of resource types (their fields and four small
// functions each) into a Pulumi provider plugin, so that each of the lab's emulators is
// little more than that declaration. It builds on the SDK's own plugin server, which
// does the marshalling; pulumi-go-provider would bring the whole schema and code
// generator along for types that need neither.
package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// Resource is one resource type. All functions get inputs with their defaults.
type Resource struct {
	Fields Fields
	// Check finds the mistakes that concern several fields; values may be unknown.
	Check func(inputs property.Map) []Failure
	// Plan completes inputs before they are compared with a state.
	Plan func(inputs property.Map) property.Map
	// Create makes the resource and returns its id and state. With an error and an
	// id, the resource exists half made, and the engine keeps that state.
	Create func(inputs property.Map) (id string, state property.Map, err error)
	// Read returns the present state; the given state is empty on import. A false
	// says that the resource is gone. Without Read, the state never changes.
	Read func(id string, state property.Map) (newID string, now property.Map, found bool, err error)
	// Update changes the resource. Without Update, every change replaces it.
	Update func(id string, state, inputs property.Map) (property.Map, error)
	// Delete removes the resource. Without Delete, there is nothing to remove.
	Delete func(id string, state property.Map) error
	// DeleteBeforeReplace says that a replacement cannot stand beside the old one.
	DeleteBeforeReplace bool
	// Incomplete names a computed property that a state lacks and every diff
	// therefore adds, or "".
	Incomplete func(state property.Map) string
}

// Definition is a provider.
type Definition struct {
	Name, Version string
	Config        Fields
	// CheckConfig finds the mistakes in the provider's configuration.
	CheckConfig func(config property.Map) []Failure
	// Configure readies the provider; the text is told to the user.
	Configure func(config property.Map) (greeting string, err error)
	Resources map[string]Resource
}

// Register adds the provider to a gRPC server.
func (d *Definition) Register(server *grpc.Server, engine string) {
	pulumirpc.RegisterResourceProviderServer(server, detailed{plugin.NewProviderServer(d.Plugin(engine))})
}

// detailed mends what the SDK's server leaves out: it says that a diff is
// detailed, and names whole properties beside the paths in them. The engine
// would show nothing of the diff otherwise.
type detailed struct {
	pulumirpc.ResourceProviderServer
}

func (s detailed) Diff(ctx context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	response, err := s.ResourceProviderServer.Diff(ctx, req)
	if err == nil {
		response.HasDetailedDiff = len(response.GetDetailedDiff()) > 0
		response.Diffs, response.Replaces = wholes(response.GetDiffs()), wholes(response.GetReplaces())
	}
	return response, err
}

func wholes(paths []string) []string {
	var names []string
	for _, path := range paths {
		if end := strings.IndexAny(path, ".["); end >= 0 {
			path = path[:end]
		}
		names = append(names, path)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Plugin returns the provider as the SDK sees one. The engine's address is where
// it logs to; it may be empty.
func (d *Definition) Plugin(engine string) plugin.Provider {
	return &host{Definition: d, log: logger{engine}}
}

type host struct {
	plugin.UnimplementedProvider
	*Definition
	log logger
}

func (h *host) Pkg() tokens.Package { return tokens.Package(h.Name) }

func (h *host) Close() error { return nil }

func (h *host) SignalCancellation(context.Context) error { return nil }

func (h *host) Attach(address string) error {
	h.log = logger{address}
	return nil
}

func (h *host) Handshake(
	_ context.Context, req plugin.ProviderHandshakeRequest,
) (*plugin.ProviderHandshakeResponse, error) {
	h.log = logger{req.EngineAddress}
	return &plugin.ProviderHandshakeResponse{AcceptSecrets: true, AcceptResources: true, AcceptOutputs: true}, nil
}

func (h *host) GetPluginInfo(context.Context) (plugin.PluginInfo, error) {
	version, err := semver.Parse(h.Version)
	if err != nil {
		return plugin.PluginInfo{}, fmt.Errorf("version of %s: %w", h.Name, err)
	}
	version.Build = []string{"emulator"}
	return plugin.PluginInfo{Version: &version}, nil
}

func (h *host) GetSchema(context.Context, plugin.GetSchemaRequest) (plugin.GetSchemaResponse, error) {
	schema, err := json.Marshal(map[string]string{
		"name": h.Name, "version": h.Version, "displayName": h.Name + " (the lab's emulator)",
	})
	return plugin.GetSchemaResponse{Schema: schema}, err
}

func (h *host) CheckConfig(
	_ context.Context, req plugin.CheckConfigRequest,
) (plugin.CheckConfigResponse, error) {
	config := resource.FromResourcePropertyMap(req.News)
	var found []Failure
	for name := range config.AllStable {
		if _, ok := h.Config[name]; !ok && !ofEngine(name) {
			found = append(found, Failf(name, "is not a known setting; known are %s", h.Config.inputNames()))
		}
	}
	if h.Definition.CheckConfig != nil {
		found = append(found, h.Definition.CheckConfig(config)...)
	}
	return plugin.CheckConfigResponse{Properties: req.News, Failures: failures(found)}, nil
}

// ofEngine tells which settings of a provider are the engine's own.
func ofEngine(name string) bool {
	return name == "version" || name == "pluginDownloadURL" || name == "__internal"
}

// DiffConfig never replaces a provider: a new token is no new zone.
func (h *host) DiffConfig(_ context.Context, req plugin.DiffConfigRequest) (plugin.DiffConfigResponse, error) {
	old, now := resource.FromResourcePropertyMap(req.OldInputs), resource.FromResourcePropertyMap(req.NewInputs)
	if plain(property.New(old)).Equals(plain(property.New(now))) {
		return plugin.DiffResult{Changes: plugin.DiffNone}, nil
	}
	return plugin.DiffResult{Changes: plugin.DiffSome}, nil
}

func (h *host) Configure(ctx context.Context, req plugin.ConfigureRequest) (plugin.ConfigureResponse, error) {
	if h.Definition.Configure == nil {
		return plugin.ConfigureResponse{}, nil
	}
	greeting, err := h.Definition.Configure(resource.FromResourcePropertyMap(req.Inputs))
	if err != nil {
		return plugin.ConfigureResponse{}, err
	}
	return plugin.ConfigureResponse{}, h.log.info(ctx, greeting)
}
