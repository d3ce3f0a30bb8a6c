package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// removeLinks deletes the bridge and the pods' ends that hang on it.
func removeLinks(ctx context.Context, bridge string) error {
	if !exists(bridge) {
		return nil
	}
	ports, err := filepath.Glob("/sys/class/net/" + bridge + "/brif/*")
	if err != nil {
		return err
	}
	for _, port := range ports {
		if err := ip(ctx, "link", "delete", filepath.Base(port)); err != nil {
			return err
		}
	}
	return ip(ctx, "link", "delete", bridge)
}

// removeFolders deletes the run folder, and the folders that a kubelet and a
// containerd make at fixed places if nothing else uses them.
func removeFolders(run string) error {
	if err := os.RemoveAll(run); err != nil {
		return err
	}
	for _, dir := range []string{
		"/run/containerd/runc/k8s.io", "/run/containerd/runc", "/run/containerd/s", "/run/containerd",
		"/var/lib/cni/results", "/var/lib/cni",
		"/var/log/containers", "/var/log/pods",
		"/var/lib/kubelet/device-plugins", "/var/lib/kubelet",
	} {
		removeIfUnused(dir)
	}
	return nil
}

// removeIfUnused leaves a folder alone that holds anything but links into a lab
// and sockets that nobody listens on.
func removeIfUnused(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		target, _ := os.Readlink(path)
		if strings.Contains(target, "/.lab/") || entry.Type()&os.ModeSocket != 0 && !listening(path) {
			os.Remove(path)
		}
	}
	os.Remove(dir)
}

func listening(socket string) bool {
	content, err := os.ReadFile("/proc/net/unix")
	return err != nil || strings.Contains(string(content), socket)
}
