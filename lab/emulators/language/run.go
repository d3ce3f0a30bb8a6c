package language

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/common/constant"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// options are the runtime options of Pulumi.yaml: a prebuilt program, or the
// file to build the program to.
type options struct{ binary, buildTarget string }

func parseOptions(from map[string]any) (options, error) {
	var o options
	for name, field := range map[string]*string{"binary": &o.binary, "buildTarget": &o.buildTarget} {
		value, given := from[name]
		if !given {
			continue
		}
		text, ok := value.(string)
		if !ok {
			return o, fmt.Errorf("runtime.options.%s: %v is not a string", name, value)
		}
		*field = text
	}
	if o.binary != "" && o.buildTarget != "" {
		return o, errors.New("runtime.options: binary and buildTarget exclude each other")
	}
	return o, nil
}

// Run compiles the program if need be and runs it to its end.
func (h *host) Run(call context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	engine, err := h.engineAddress()
	if err != nil {
		return nil, err
	}
	o, err := parseOptions(req.GetInfo().GetOptions().AsMap())
	if err != nil {
		return nil, err
	}
	env, err := environment(req, engine)
	if err != nil {
		return nil, err
	}
	ctx, done := h.during(call)
	defer done()
	program, err := h.program(ctx, engine, o, req.GetInfo().GetProgramDirectory())
	if err != nil {
		return nil, err
	}
	cmd := interruptible(exec.CommandContext(ctx, program.path))
	cmd.Dir, cmd.Env = req.GetPwd(), env
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Start()
	program.release()
	if err != nil {
		return nil, fmt.Errorf("starting the program: %w", err)
	}
	return response(cmd.Wait())
}

func (h *host) program(ctx context.Context, engine string, o options, dir string) (*built, error) {
	if o.binary == "" {
		return compile(ctx, engine, dir, o.buildTarget)
	}
	path, err := exec.LookPath(o.binary)
	if err != nil {
		return nil, fmt.Errorf("runtime.options.binary: %w", err)
	}
	return &built{path, func() {}}, nil
}

// compile builds the package in dir and tells the engine's display about it.
func compile(ctx context.Context, engine, dir, target string) (*built, error) {
	conn, err := grpc.NewClient(engine, grpc.WithTransportCredentials(insecure.NewCredentials()), rpcutil.GrpcChannelOptions())
	if err != nil {
		return nil, fmt.Errorf("reaching the engine: %w", err)
	}
	defer conn.Close()
	if err := show(ctx, conn, "Compiling the program ..."); err != nil {
		return nil, err
	}
	program, err := build(ctx, dir, target)
	if err != nil {
		return nil, err
	}
	return program, show(ctx, conn, "Finished compiling")
}

func show(ctx context.Context, conn *grpc.ClientConn, message string) error {
	_, err := pulumirpc.NewEngineClient(conn).Log(ctx, &pulumirpc.LogRequest{
		Severity: pulumirpc.LogSeverity_INFO, Message: message, Ephemeral: true,
	})
	return err
}

// environment is how a Go program learns what to do: pulumi.Run reads it.
func environment(req *pulumirpc.RunRequest, engine string) ([]string, error) {
	config, err := json.Marshal(req.GetConfig())
	if err != nil {
		return nil, err
	}
	secretKeys, err := json.Marshal(append([]string{}, req.GetConfigSecretKeys()...))
	if err != nil {
		return nil, err
	}
	env := os.Environ()
	for _, v := range []struct{ name, value string }{
		{pulumi.EnvOrganization, req.GetOrganization()},
		{pulumi.EnvProject, req.GetProject()},
		{pulumi.EnvPulumiRootDirectory, req.GetInfo().GetRootDirectory()},
		{pulumi.EnvStack, req.GetStack()},
		{pulumi.EnvConfig, string(config)},
		{pulumi.EnvConfigSecretKeys, string(secretKeys)},
		{pulumi.EnvDryRun, strconv.FormatBool(req.GetDryRun())},
		{pulumi.EnvParallel, strconv.Itoa(int(req.GetParallel()))},
		{pulumi.EnvMonitor, req.GetMonitorAddress()},
		{pulumi.EnvEngine, engine},
	} {
		if v.value != "" {
			env = append(env, v.name+"="+v.value)
		}
	}
	return env, nil
}

// response tells the engine how the program ended. A program that has already
// told its error says so by its exit code; it is not told twice.
func response(err error) (*pulumirpc.RunResponse, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case !errors.As(err, &exit):
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("running the program: %v", err)}, nil
	case exit.ExitCode() == constant.ExitStatusLoggedError:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case exit.Exited():
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("program exited with non-zero exit code: %d", exit.ExitCode())}, nil
	}
	return &pulumirpc.RunResponse{Error: fmt.Sprintf("program ended by %v", exit)}, nil
}

// RunPlugin compiles and runs a Go plugin, such as a policy pack, and streams
// what it writes.
func (h *host) RunPlugin(req *pulumirpc.RunPluginRequest, server pulumirpc.LanguageRuntime_RunPluginServer) error {
	engine, err := h.engineAddress()
	if err != nil {
		return err
	}
	ctx, done := h.during(server.Context())
	defer done()
	program, err := compile(ctx, engine, req.GetInfo().GetProgramDirectory(), "")
	if err != nil {
		return err
	}
	streams, stdout, stderr, err := rpcutil.MakeRunPluginStreams(server, false)
	if err != nil {
		program.release()
		return err
	}
	defer streams.Close()
	cmd := interruptible(exec.CommandContext(ctx, program.path, req.GetArgs()...))
	cmd.Dir, cmd.Env = req.GetPwd(), req.GetEnv()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err = cmd.Start()
	program.release()
	if err != nil {
		return fmt.Errorf("starting the plugin: %w", err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		err := server.Send(&pulumirpc.RunPluginResponse{
			Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: int32(exit.ExitCode())},
		})
		return errors.Join(err, streams.Close())
	} else if err != nil {
		return fmt.Errorf("running the plugin: %w", err)
	}
	return streams.Close()
}
