// Package language is the lab's emulator of pulumi-language-go, Pulumi's Go
// language host, which no registry has. It compiles and runs Go programs and
// plugins (policy packs too) for the engine; it generates no code.
package language

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Register adds the language host to a gRPC server.
func Register(server *grpc.Server, engine string) {
	pulumirpc.RegisterLanguageRuntimeServer(server, newHost(engine))
}

type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	mu     sync.Mutex
	engine string

	// cancelled ends with the engine's Cancel, and all that runs with it.
	cancelled context.Context
	cancel    context.CancelFunc
}

func newHost(engine string) *host {
	ctx, cancel := context.WithCancel(context.Background())
	return &host{engine: engine, cancelled: ctx, cancel: cancel}
}

// Handshake names the engine when this process was started without one.
func (h *host) Handshake(
	_ context.Context, req *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.engine = req.GetEngineAddress()
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.cancel()
	return &emptypb.Empty{}, nil
}

func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: strings.TrimPrefix(version.Version, "v")}, nil
}

func (h *host) About(ctx context.Context, _ *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return nil, err
	}
	text, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		return nil, fmt.Errorf("go version: %w", err)
	}
	return &pulumirpc.AboutResponse{
		Executable: path,
		Version:    strings.TrimSpace(string(text)),
		Metadata:   map[string]string{"language host": "the lab's emulator of pulumi-language-go"},
	}, nil
}

// InstallDependencies fills the module cache. It leaves go.mod as it is.
func (h *host) InstallDependencies(
	req *pulumirpc.InstallDependenciesRequest, server pulumirpc.LanguageRuntime_InstallDependenciesServer,
) error {
	streams, stdout, stderr, err := rpcutil.MakeInstallDependenciesStreams(server, req.GetIsTerminal())
	if err != nil {
		return err
	}
	defer streams.Close()
	cmd := exec.CommandContext(server.Context(), "go", "mod", "download")
	cmd.Dir = req.GetInfo().GetProgramDirectory()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go mod download in %s: %w", cmd.Dir, err)
	}
	return streams.Close()
}

func (h *host) RuntimeOptionsPrompts(
	context.Context, *pulumirpc.RuntimeOptionsRequest,
) (*pulumirpc.RuntimeOptionsResponse, error) {
	return &pulumirpc.RuntimeOptionsResponse{}, nil
}

func (h *host) Template(context.Context, *pulumirpc.TemplateRequest) (*pulumirpc.TemplateResponse, error) {
	return &pulumirpc.TemplateResponse{}, nil
}

func (h *host) GenerateProgram(
	context.Context, *pulumirpc.GenerateProgramRequest,
) (*pulumirpc.GenerateProgramResponse, error) {
	return nil, notHere("generate programs")
}

func (h *host) GenerateProject(
	context.Context, *pulumirpc.GenerateProjectRequest,
) (*pulumirpc.GenerateProjectResponse, error) {
	return nil, notHere("generate projects")
}

func (h *host) GeneratePackage(
	context.Context, *pulumirpc.GeneratePackageRequest,
) (*pulumirpc.GeneratePackageResponse, error) {
	return nil, notHere("generate SDKs")
}

func (h *host) Pack(context.Context, *pulumirpc.PackRequest) (*pulumirpc.PackResponse, error) {
	return nil, notHere("pack SDKs")
}

func (h *host) Link(context.Context, *pulumirpc.LinkRequest) (*pulumirpc.LinkResponse, error) {
	return nil, notHere("link SDKs")
}

func notHere(what string) error {
	return status.Errorf(codes.Unimplemented,
		"the lab's emulator of pulumi-language-go does not %s; the official Pulumi CLI does", what)
}

var errNoEngine = errors.New("the engine is not known: it must call Handshake first")

func (h *host) engineAddress() (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.engine == "" {
		return "", errNoEngine
	}
	return h.engine, nil
}

// during returns a context that ends with the call and with Cancel.
func (h *host) during(call context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(call)
	stop := context.AfterFunc(h.cancelled, cancel)
	return ctx, func() { stop(); cancel() }
}

// interruptible lets a process that is no longer wanted end by itself at first.
func interruptible(cmd *exec.Cmd) *exec.Cmd {
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = killDelay
	return cmd
}
