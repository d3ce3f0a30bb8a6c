// Package networkpolicy is copied into the package of that name of kube-network-policies,
// see ../patch.go: it says whose an address is before the API server does. There containerd
// tells (NRI), which Debian 12's is too old for; here what containerd and its network
// plugin keep on the disk does.
package networkpolicy

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// NodeRun is the variable with the folder of the node's containerd and its addresses.
const NodeRun = "SCALESTACK_LAB_NODE_RUN"

type nriPlugin struct{ stub waiting }

type waiting struct{}

// Run ends with the context: there is nothing to listen to.
func (waiting) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// NewNriPlugin never fails.
func NewNriPlugin() (*nriPlugin, error) { return &nriPlugin{}, nil }

// GetPodFromIP is the namespace and the name of the pod that has an address, or empty.
func (*nriPlugin) GetPodFromIP(ip string) string {
	run := os.Getenv(NodeRun)
	// host-local writes a container's id into a file that is called as its address.
	holder, err := os.ReadFile(filepath.Join(run, "cni", "scalestack", ip))
	if err != nil {
		return ""
	}
	id, _, _ := strings.Cut(string(holder), "\n")
	text, err := os.ReadFile(filepath.Join(run, "containerd", "io.containerd.runtime.v2.task", "k8s.io", strings.TrimSpace(id), "config.json"))
	if err != nil {
		return ""
	}
	var sandbox struct{ Annotations map[string]string }
	if json.Unmarshal(text, &sandbox) != nil {
		return ""
	}
	return sandbox.Annotations["io.kubernetes.cri.sandbox-namespace"] + "/" + sandbox.Annotations["io.kubernetes.cri.sandbox-name"]
}
