package language

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// engine is an engine that keeps what is logged to it.
type engine struct {
	pulumirpc.UnimplementedEngineServer
	mu  sync.Mutex
	log []string
}

func (e *engine) Log(_ context.Context, req *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.log = append(e.log, req.GetMessage())
	return &emptypb.Empty{}, nil
}

func serving(t *testing.T, register func(*grpc.Server)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	register(server)
	go server.Serve(listener) //nolint:errcheck // it ends with Stop
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

// start serves a language host with an engine of its own.
func start(t *testing.T) (*engine, string, pulumirpc.LanguageRuntimeClient) {
	t.Helper()
	t.Setenv("PULUMI_HOME", t.TempDir())
	e := &engine{}
	address := serving(t, func(s *grpc.Server) { pulumirpc.RegisterEngineServer(s, e) })
	host := serving(t, func(s *grpc.Server) { Register(s, address) })
	conn, err := grpc.NewClient(host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return e, address, pulumirpc.NewLanguageRuntimeClient(conn)
}

// program writes a Go module whose main has the body.
func program(t *testing.T, body string) *pulumirpc.ProgramInfo {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "go.mod", "module program\n\ngo 1.26\n")
	write(t, dir, "main.go", "package main\n\nimport (\"fmt\"; \"os\"; \"time\")\n\n"+
		"var _, _, _ = fmt.Print, os.Exit, time.Now\n\nfunc main() {\n"+body+"\n}\n")
	return &pulumirpc.ProgramInfo{RootDirectory: dir, ProgramDirectory: dir, EntryPoint: "."}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func TestRunTellsTheProgramWhatToDo(t *testing.T) {
	t.Setenv("OF_THE_CALLER", "stays")
	e, address, host := start(t)
	info := program(t, `file, _ := os.Create("env"); for _, v := range os.Environ() { fmt.Fprintln(file, v) }`)

	response, err := host.Run(context.Background(), &pulumirpc.RunRequest{
		Info: info, Pwd: info.ProgramDirectory, Project: "project", Stack: "stack", Organization: "organization",
		Config: map[string]string{"a:b": "c"}, ConfigSecretKeys: []string{"a:b"},
		DryRun: true, Parallel: 7, MonitorAddress: "127.0.0.1:1",
	})

	require.NoError(t, err)
	require.Empty(t, response.GetError())
	require.False(t, response.GetBail())
	require.Equal(t, []string{"Compiling the program ...", "Finished compiling"}, e.log)
	text, err := os.ReadFile(filepath.Join(info.ProgramDirectory, "env"))
	require.NoError(t, err)
	env := strings.Split(string(text), "\n")
	for _, want := range []string{
		"OF_THE_CALLER=stays", "PULUMI_PROJECT=project", "PULUMI_STACK=stack", "PULUMI_ORGANIZATION=organization",
		`PULUMI_CONFIG={"a:b":"c"}`, `PULUMI_CONFIG_SECRET_KEYS=["a:b"]`, "PULUMI_DRY_RUN=true", "PULUMI_PARALLEL=7",
		"PULUMI_MONITOR=127.0.0.1:1", "PULUMI_ENGINE=" + address, "PULUMI_ROOT_DIRECTORY=" + info.RootDirectory,
	} {
		require.Contains(t, env, want)
	}
	files, err := filepath.Glob(filepath.Join(info.ProgramDirectory, "*"))
	require.NoError(t, err)
	require.Len(t, files, 3, "nothing may be built into the program's folder: %v", files)
}

func TestRunTellsHowTheProgramEnded(t *testing.T) {
	for name, c := range map[string]struct {
		body, want string
		bail       bool
	}{
		"well":                 {"", "", false},
		"with a told error":    {"os.Exit(32)", "", true},
		"with another error":   {"os.Exit(3)", "program exited with non-zero exit code: 3", false},
		"with a panic":         {`panic("x")`, "program exited with non-zero exit code: 2", false},
		"killed from outside":  {"p, _ := os.FindProcess(os.Getpid()); p.Kill(); time.Sleep(time.Minute)", "program ended by signal: killed", false},
		"without an own error": {"fmt.Println(1)", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, host := start(t)
			info := program(t, c.body)
			response, err := host.Run(context.Background(), &pulumirpc.RunRequest{Info: info, Pwd: info.ProgramDirectory})
			require.NoError(t, err)
			require.Equal(t, c.want, response.GetError())
			require.Equal(t, c.bail, response.GetBail())
		})
	}
}

func TestRunFails(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*testing.T, *pulumirpc.ProgramInfo)
		want   string
	}{
		"no compile": {func(t *testing.T, i *pulumirpc.ProgramInfo) {
			write(t, i.ProgramDirectory, "x.go", "package main\nvar x int = 1.5\n")
		},
			"go build: exit status 1"},
		"no main": {func(t *testing.T, i *pulumirpc.ProgramInfo) {
			write(t, i.ProgramDirectory, "main.go", "package other\n")
		},
			"no package main"},
		"no files": {func(t *testing.T, i *pulumirpc.ProgramInfo) {
			require.NoError(t, os.Remove(filepath.Join(i.ProgramDirectory, "main.go")))
		},
			"has no Go files"},
		"no binary": {func(_ *testing.T, i *pulumirpc.ProgramInfo) { i.Options = runtimeOptions(t, "binary", "/no/such") }, "runtime.options.binary: "},
		"no string": {func(_ *testing.T, i *pulumirpc.ProgramInfo) { i.Options = runtimeOptions(t, "buildTarget", true) }, "runtime.options.buildTarget: true is not a string"},
		"both": {func(_ *testing.T, i *pulumirpc.ProgramInfo) {
			i.Options = runtimeOptions(t, "buildTarget", "a", "binary", "b")
		},
			"binary and buildTarget exclude each other"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, host := start(t)
			info := program(t, "")
			c.change(t, info)
			_, err := host.Run(context.Background(), &pulumirpc.RunRequest{Info: info, Pwd: info.ProgramDirectory})
			require.ErrorContains(t, err, c.want)
		})
	}
}

func runtimeOptions(t *testing.T, pairs ...any) *structpb.Struct {
	t.Helper()
	values := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i].(string)] = pairs[i+1]
	}
	s, err := structpb.NewStruct(values)
	require.NoError(t, err)
	return s
}

func TestBuildTargetAndBinary(t *testing.T) {
	_, _, host := start(t)
	info := program(t, "os.Exit(5)")
	info.Options = runtimeOptions(t, "buildTarget", "bin/program")
	response, err := host.Run(context.Background(), &pulumirpc.RunRequest{Info: info, Pwd: info.ProgramDirectory})
	require.NoError(t, err)
	require.Contains(t, response.GetError(), "exit code: 5")

	target := filepath.Join(info.ProgramDirectory, "bin", "program")
	prebuilt := &pulumirpc.ProgramInfo{ProgramDirectory: t.TempDir(), Options: runtimeOptions(t, "binary", target)}
	response, err = host.Run(context.Background(), &pulumirpc.RunRequest{Info: prebuilt, Pwd: prebuilt.ProgramDirectory})
	require.NoError(t, err)
	require.Contains(t, response.GetError(), "exit code: 5")
}

func TestCancelEndsTheProgram(t *testing.T) {
	_, _, host := start(t)
	info := program(t, `os.WriteFile("started", nil, 0o644); time.Sleep(time.Minute)`)
	ended := make(chan string)
	go func() {
		response, err := host.Run(context.Background(), &pulumirpc.RunRequest{Info: info, Pwd: info.ProgramDirectory})
		ended <- fmt.Sprint(response.GetError(), err)
	}()
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(info.ProgramDirectory, "started"))
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	_, err := host.Cancel(context.Background(), &emptypb.Empty{})
	require.NoError(t, err)
	select {
	case result := <-ended:
		require.Contains(t, result, "interrupt")
	case <-time.After(20 * time.Second):
		t.Fatal("the program still runs")
	}
}

func TestRunPluginStreams(t *testing.T) {
	_, _, host := start(t)
	info := program(t, `fmt.Println(os.Args[1], os.Getenv("ONLY")); fmt.Fprintln(os.Stderr, "oh"); os.Exit(9)`)
	stream, err := host.RunPlugin(context.Background(), &pulumirpc.RunPluginRequest{
		Info: info, Pwd: info.ProgramDirectory, Args: []string{"argument"}, Env: []string{"ONLY=this"},
	})
	require.NoError(t, err)
	var stdout, stderr string
	code := int32(-1)
	for {
		message, err := stream.Recv()
		if err != nil {
			require.EqualError(t, err, "EOF")
			break
		}
		stdout += string(message.GetStdout())
		stderr += string(message.GetStderr())
		if exit, ok := message.GetOutput().(*pulumirpc.RunPluginResponse_Exitcode); ok {
			code = exit.Exitcode
		}
	}
	require.Equal(t, "argument this\n", stdout)
	require.Equal(t, "oh\n", stderr)
	require.Equal(t, int32(9), code)
}

func TestWhatItCannotDo(t *testing.T) {
	_, _, host := start(t)
	_, err := host.GeneratePackage(context.Background(), &pulumirpc.GeneratePackageRequest{})
	require.ErrorContains(t, err, "the lab's emulator of pulumi-language-go does not generate SDKs")
	_, err = newHost("").Run(context.Background(), &pulumirpc.RunRequest{})
	require.ErrorIs(t, err, errNoEngine)
	require.Equal(t, "Unknown", status.Code(err).String())
}
