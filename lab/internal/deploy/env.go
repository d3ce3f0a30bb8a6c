// Package deploy runs Pulumi on the dev stack against the lab. It sets what a
// person would set by hand and calls the official CLI; the program cannot tell
// the lab from any other cluster.
package deploy

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

// Stack is the stack that the lab deploys.
const Stack = "dev"

// cloudflareToken has the form that the provider asks for. It opens nothing:
// the lab's Cloudflare is a stand-in.
const cloudflareToken = "lab-stand-in-token-that-opens-nothing-00"

// Values are what only the lab knows about the stack.
type Values struct {
	// WorkloadImage is the image built from this checkout.
	WorkloadImage string
}

// Environment returns the variables that make pulumi and kubectl work by hand.
func environment(p paths.Paths) []string {
	return []string{
		"KUBECONFIG=" + p.Kubeconfig("admin"),
		"PULUMI_HOME=" + filepath.Join(p.Home, "pulumi"),
		"PULUMI_BACKEND_URL=file://" + p.Data("pulumi"),
		"PULUMI_CONFIG_PASSPHRASE_FILE=" + passphraseFile(p),
		"PULUMI_SKIP_UPDATE_CHECK=true",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
		"CLOUDFLARE_API_TOKEN=" + cloudflareToken,
		"SCALESTACK_CLOUDFLARE_DIR=" + p.Data("cloudflare"),
		// The flags of every other build of the lab, so that the cache serves.
		"CGO_ENABLED=0",
		"GOFLAGS=-trimpath -buildvcs=false",
	}
}

func passphraseFile(p paths.Paths) string { return p.PKI("passphrase") }

// Prepare makes the folders, the passphrase and the file env, which a person
// sources.
func Prepare(p paths.Paths) error {
	for _, dir := range []string{p.Data("pulumi"), p.Data("cloudflare")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := ensurePassphrase(passphraseFile(p)); err != nil {
		return err
	}
	return writeEnv(p)
}

func ensurePassphrase(file string) error {
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(file, []byte(rand.Text()), 0o600)
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
