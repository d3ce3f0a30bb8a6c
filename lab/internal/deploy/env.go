// Package deploy runs Pulumi on the dev stack against the lab. It sets what a
// person would set by hand and calls the official CLI; the program cannot tell
// the lab from any other cluster.
package deploy

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/lab/internal/builds"
	"github.com/scalestack/scalestack/lab/internal/paths"
)

// Stack is the stack that the lab deploys.
const Stack = "dev"

// Policies is the pack that every deployment has to satisfy.
const Policies = "policies"

// cloudflareToken has the form that the provider asks for. It opens nothing:
// the lab's Cloudflare is a stand-in.
const cloudflareToken = "lab-stand-in-token-that-opens-nothing-00"

// passphrase is public, because its salt stands in Pulumi.dev.yaml: Pulumi
// would write a salt of its own into that file at every new lab. What it
// encrypts are the passwords of one machine's lab. Other stacks have a secrets
// provider of their own.
const passphrase = "scalestack-lab"

// Images are those built from this checkout. Their tags change with their
// content, so that a change rolls out.
type Images struct{ Users, Shardctl string }

// byVariable is by the environment variable that the program reads.
func (i Images) byVariable() map[string]string {
	return map[string]string{"SCALESTACK_WORKLOAD_IMAGE": i.Users, "SCALESTACK_SHARDCTL_IMAGE": i.Shardctl}
}

// environment makes pulumi and kubectl work on the lab.
func environment(p paths.Paths) []string {
	env := []string{
		"KUBECONFIG=" + p.Kubeconfig("admin"),
		"PULUMI_HOME=" + filepath.Join(p.Home, "pulumi"),
		"PULUMI_BACKEND_URL=file://" + p.Data("pulumi"),
		"PULUMI_CONFIG_PASSPHRASE=" + passphrase,
		"PULUMI_SKIP_UPDATE_CHECK=true",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
		"CLOUDFLARE_API_TOKEN=" + cloudflareToken,
		"SCALESTACK_CLOUDFLARE_DIR=" + CloudflareDir(p),
	}
	for _, name := range slices.Sorted(maps.Keys(Images{}.byVariable())) {
		env = append(env, name+"="+image(p, name))
	}
	return append(env, builds.Flags...)
}

// Prepare makes the folders and the file env, which a person sources and which
// the lab's own calls of pulumi read back.
func Prepare(p paths.Paths, images Images) error {
	for _, dir := range []string{p.Data("pulumi"), CloudflareDir(p)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for name, image := range images.byVariable() {
		if err := os.WriteFile(imageFile(p, name), []byte(image), 0o644); err != nil {
			return err
		}
	}
	return writeEnv(p)
}

// CloudflareDir is where the stand-in for Cloudflare's API keeps what the stack
// applied.
func CloudflareDir(p paths.Paths) string { return p.Data("cloudflare") }

// imageFile remembers an image between commands, by its variable: preview and
// destroy do not build it.
func imageFile(p paths.Paths, variable string) string { return p.Config(variable) }

func image(p paths.Paths, variable string) string {
	content, _ := os.ReadFile(imageFile(p, variable))
	return string(content)
}

func writeEnv(p paths.Paths) error {
	var text strings.Builder
	text.WriteString("# Source this file: it puts the lab's pulumi and kubectl on PATH.\n")
	fmt.Fprintf(&text, "export PATH='%s':\"$PATH\"\n", filepath.Dir(p.Bin("pulumi")))
	for _, entry := range environment(p) {
		name, value, _ := strings.Cut(entry, "=")
		fmt.Fprintf(&text, "export %s='%s'\n", name, value)
	}
	return os.WriteFile(filepath.Join(p.Home, "env"), []byte(text.String()), 0o600)
}
