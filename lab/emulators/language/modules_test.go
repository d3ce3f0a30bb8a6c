package language

import (
	"context"
	"path/filepath"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
)

// sdks is a program that uses local modules in the place of two SDKs.
func sdks(t *testing.T) *pulumirpc.ProgramInfo {
	t.Helper()
	info := program(t, "")
	dir := info.ProgramDirectory
	write(t, dir, "go.mod", `module program

go 1.26

require (
	example.test/pulumi-first/sdk/v4 v4.1.2
	example.test/pulumi-second/sdk v0.3.0 // indirect
	example.test/pulumi-neither v1.0.0
	example.test/other v1.0.0
)

replace (
	example.test/pulumi-first/sdk/v4 => ./first
	example.test/pulumi-second/sdk => ./second
	example.test/pulumi-neither => ./neither
	example.test/other => ./other
)
`)
	for path, module := range map[string]string{
		"first": "pulumi-first/sdk/v4", "second": "pulumi-second/sdk", "neither": "pulumi-neither", "other": "other",
	} {
		write(t, dir, path+"/go.mod", "module example.test/"+module+"\n\ngo 1.26\n")
	}
	write(t, dir, "first/go/first/pulumi-plugin.json", `{"resource": true, "name": "first", "version": "4.1.3"}`)
	write(t, dir, "second/pulumi-plugin.json", `{"resource": true}`)
	write(t, dir, "neither/pulumi-plugin.json", `{"resource": false}`)
	write(t, dir, "other/pulumi-plugin.json", `{"resource": true}`)
	return info
}

func TestRequiredPackages(t *testing.T) {
	_, _, host := start(t)
	response, err := host.GetRequiredPackages(context.Background(), &pulumirpc.GetRequiredPackagesRequest{Info: sdks(t)})
	require.NoError(t, err)
	found := map[string]string{}
	for _, p := range response.GetPackages() {
		require.Equal(t, "resource", p.GetKind())
		found[p.GetName()] = p.GetVersion()
	}
	require.Equal(t, map[string]string{"first": "4.1.3", "second": "v0.3.0"}, found)

	response, err = host.GetRequiredPackages(context.Background(), &pulumirpc.GetRequiredPackagesRequest{
		Info: &pulumirpc.ProgramInfo{ProgramDirectory: t.TempDir()},
	})
	require.NoError(t, err, "a prebuilt program has no sources")
	require.Empty(t, response.GetPackages())
}

func TestRequiredPackagesOfABrokenModule(t *testing.T) {
	_, _, host := start(t)
	info := program(t, "")
	write(t, info.ProgramDirectory, "go.mod", "modul program\n")
	_, err := host.GetRequiredPackages(context.Background(), &pulumirpc.GetRequiredPackagesRequest{Info: info})
	require.ErrorContains(t, err, "unknown directive: modul")
}

func TestProgramDependencies(t *testing.T) {
	_, _, host := start(t)
	info := sdks(t)
	for transitive, want := range map[bool]int{false: 3, true: 4} {
		response, err := host.GetProgramDependencies(context.Background(), &pulumirpc.GetProgramDependenciesRequest{
			Info: info, TransitiveDependencies: transitive,
		})
		require.NoError(t, err)
		require.Len(t, response.GetDependencies(), want)
		require.Empty(t, response.GetDependencies()[0].GetVersion(), "a replaced module has no version")
	}
}

func TestNameOfAnSDK(t *testing.T) {
	for path, want := range map[string]string{
		"github.com/pulumi/pulumi-cloudflare/sdk/v5": "cloudflare",
		"github.com/someone/pulumi-thing":            "thing",
		"example.test/odd":                           "odd",
	} {
		require.Equal(t, want, nameOf(path))
	}
}

func TestAbout(t *testing.T) {
	_, _, host := start(t)
	about, err := host.About(context.Background(), &pulumirpc.AboutRequest{})
	require.NoError(t, err)
	require.Equal(t, "go", filepath.Base(about.GetExecutable()))
	require.Contains(t, about.GetVersion(), "go version go1.")
}
