// Package deploy runs Pulumi on the dev stack against the lab. It sets what a person
// would set by hand and calls the official CLI; the program cannot tell the lab from
// any other cluster.
package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/scalestack/scalestack/lab/internal/environ"
	"github.com/scalestack/scalestack/lab/internal/paths"
)

// Stack is the stack that the lab deploys.
const Stack = "dev"

// Policies is the pack that every deployment has to satisfy.
const Policies = "policies"

// cloudflareToken has the form that the provider asks for. It opens nothing:
// the lab's Cloudflare is an emulator.
const cloudflareToken = "lab-emulator-token-that-opens-nothing-00"

// passphrase is public, because its salt is in Pulumi.dev.yaml: Pulumi
// would write a salt of its own into that file at every new lab. What it
// encrypts are the passwords of one machine's lab. Other stacks have a secrets
// provider of their own.
const passphrase = "scalestack-lab"

// environment makes pulumi and kubectl work on the lab.
func environment(p paths.Paths) []string {
	return append([]string{
		environ.NoKuberc,
		"KUBECONFIG=" + p.Kubeconfig("admin"),
		"KUBECACHEDIR=" + p.KubectlCache(),
		"PULUMI_HOME=" + filepath.Join(p.Home, "pulumi"),
		"PULUMI_BACKEND_URL=file://" + p.Data("pulumi"),
		"PULUMI_CONFIG_PASSPHRASE=" + passphrase,
		"PULUMI_SKIP_UPDATE_CHECK=true",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
		"CLOUDFLARE_API_TOKEN=" + cloudflareToken,
		"SCALESTACK_CLOUDFLARE_DIR=" + CloudflareDir(p),
		"SCALESTACK_IMAGES=" + localImages(p),
	}, environ.Build...)
}

// Prepare makes the folders and the file env, which a person sources and which
// the lab's own calls of pulumi read back.
func Prepare(p paths.Paths, images map[string]string) error {
	for _, dir := range []string{p.Data("pulumi"), CloudflareDir(p)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	text, err := json.Marshal(images)
	if err != nil {
		return err
	}
	if err := os.WriteFile(imagesFile(p), text, 0o644); err != nil {
		return err
	}
	return writeEnv(p)
}

// CloudflareDir is where the emulator of Cloudflare's API keeps what the stack
// applied.
func CloudflareDir(p paths.Paths) string { return p.Data("cloudflare") }

// imagesFile remembers what the images with the tag dev stand for between commands:
// preview and destroy build none. Their tags change with their content, so that a
// change rolls out.
func imagesFile(p paths.Paths) string { return p.Config("images.json") }

func localImages(p paths.Paths) string {
	content, _ := os.ReadFile(imagesFile(p))
	return string(content)
}

// forget removes what the caller's shell says about other clusters, backends
// and zones. Every shell can read it; bash, dash and zsh split words differently.
const forget = `eval "$(env | sed -n -E 's/^((PULUMI|KUBE|HELM|CLOUDFLARE|SCALESTACK)[A-Z0-9_]*)=.*/unset \1/p')"
`

func writeEnv(p paths.Paths) error {
	var text strings.Builder
	text.WriteString("# Source this file: it puts the lab's pulumi and kubectl on PATH.\n")
	text.WriteString(forget)
	fmt.Fprintf(&text, "export NO_PROXY=\"${NO_PROXY:+$NO_PROXY,}%s\"\n", environ.Direct)
	fmt.Fprintf(&text, "export PATH='%s':\"$PATH\"\n", filepath.Dir(p.Bin("pulumi")))
	for _, entry := range environment(p) {
		name, value, _ := strings.Cut(entry, "=")
		fmt.Fprintf(&text, "export %s='%s'\n", name, value)
	}
	return os.WriteFile(filepath.Join(p.Home, "env"), []byte(text.String()), 0o600)
}
