package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Target selects a cluster, in the terms of the Kubernetes provider.
type Target struct {
	// Kubeconfig is the path of a kubeconfig or its content. Default: the file
	// .kube/config in the home folder, or the service account of the pod.
	Kubeconfig string
	// Context of the kubeconfig. Default: its current one.
	Context string
}

// Inline reports whether Kubeconfig is content, with credentials, rather than a path.
func (t Target) Inline() bool {
	return strings.Contains(t.Kubeconfig, "\n") || strings.HasPrefix(t.Kubeconfig, "{")
}

// config returns how to reach the cluster.
func (t Target) config() (*rest.Config, error) {
	overrides := &clientcmd.ConfigOverrides{CurrentContext: t.Context}
	if t.Kubeconfig == "" {
		rules := clientcmd.NewDefaultClientConfigLoadingRules()
		return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	}
	loaded, err := t.load()
	if err != nil {
		return nil, err
	}
	return clientcmd.NewDefaultClientConfig(*loaded, overrides).ClientConfig()
}

// load reads the kubeconfig that is given.
func (t Target) load() (*api.Config, error) {
	if t.Inline() {
		return clientcmd.Load([]byte(t.Kubeconfig))
	}
	path := t.Kubeconfig
	if below, ok := strings.CutPrefix(path, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		path = filepath.Join(home, below)
	}
	content, err := os.ReadFile(path)
	if err != nil && len(filepath.SplitList(path)) > 1 {
		return nil, fmt.Errorf("KUBECONFIG %s: the provider reads one file. Fix: kubectl config view --flatten --raw >FILE, and name that file", path)
	}
	if err != nil {
		return nil, err
	}
	return clientcmd.Load(content)
}

// Moved reports whether the provider, not knowing a cluster's identity, would take two
// targets for two clusters and replace every object: when the entry of the active
// cluster differs, even in its address or CA alone. An old kubeconfig that is gone is
// taken for a moved one, since nobody can tell.
func Moved(from, to Target) bool {
	if from == to {
		return false
	}
	was, err := from.entry()
	if err != nil {
		return true
	}
	is, err := to.entry()
	if err != nil {
		return true
	}
	return !reflect.DeepEqual(was, is)
}

var errNoEntry = errors.New("the kubeconfig has no entry for its context's cluster")

// entry is the kubeconfig's entry of the active cluster.
func (t Target) entry() (api.Cluster, error) {
	config := &api.Config{}
	var err error
	if t.Kubeconfig != "" {
		config, err = t.load()
	} else {
		config, err = clientcmd.NewDefaultClientConfigLoadingRules().Load()
	}
	if err != nil {
		return api.Cluster{}, err
	}
	name := config.CurrentContext
	if t.Context != "" {
		name = t.Context
	}
	active := config.Contexts[name]
	if active == nil || config.Clusters[active.Cluster] == nil {
		return api.Cluster{}, errNoEntry
	}
	entry := *config.Clusters[active.Cluster]
	entry.LocationOfOrigin = ""
	return entry, nil
}
