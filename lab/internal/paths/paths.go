// Package paths names every file and folder of the lab.
package paths

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Run holds what must not outlive the machine's uptime: sockets and container
// state. It is the same for every checkout, so that one checkout can see and
// clean up what another left behind. Unix sockets also need a short path.
const Run = "/run/scalestack-lab"

// longestHome keeps the sockets of every node's kubelet below the 107 bytes that
// the kernel allows for a socket's path.
const longestHome = 60

// Paths are the folders of one checkout's lab.
type Paths struct {
	// Repo is the top of the checkout.
	Repo string
	// Home is the ignored folder that holds everything the lab makes.
	Home string
}

// Find looks for the checkout that holds the working directory.
func Find() (Paths, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Paths{}, err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "Pulumi.yaml")); err == nil {
			return at(dir)
		}
		if dir == filepath.Dir(dir) {
			return Paths{}, errors.New("no Pulumi.yaml in this folder or above it: run the lab inside a checkout")
		}
	}
}

func at(repo string) (Paths, error) {
	repo, err := filepath.EvalSymlinks(repo)
	if err != nil {
		return Paths{}, err
	}
	p := Paths{Repo: repo, Home: filepath.Join(repo, ".lab")}
	if len(p.Home) > longestHome {
		return Paths{}, fmt.Errorf("%s has %d characters, the lab's sockets allow %d: clone to a shorter path", p.Home, len(p.Home), longestHome)
	}
	return p, nil
}

// Bin is the path of one of the lab's programs.
func (p Paths) Bin(name string) string { return filepath.Join(p.Home, "bin", name) }

// Log is the log file of a step or a process.
func (p Paths) Log(name string) string { return filepath.Join(p.Home, "logs", name+".log") }

// PKI is the path of a key or certificate.
func (p Paths) PKI(name string) string { return filepath.Join(p.Home, "pki", name) }

// Config is the path of a rendered configuration file.
func (p Paths) Config(name string) string { return filepath.Join(p.Home, "config", name) }

// Kubeconfig is the path of the kubeconfig of one client.
func (p Paths) Kubeconfig(client string) string { return p.Config(client + ".kubeconfig") }

// Data is a folder whose content survives a stop and a start.
func (p Paths) Data(name string) string { return filepath.Join(p.Home, "data", name) }

// KubectlCache is where kubectl keeps what the API server serves. It goes with the
// cluster's data: kubectl believes it for six hours, and the address stays the same.
func (p Paths) KubectlCache() string { return p.Data("kubectl") }

// Cache is a folder that can be deleted at any time.
func (p Paths) Cache(name string) string { return filepath.Join(p.Home, "cache", name) }
