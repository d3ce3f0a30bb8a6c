//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// crash ends one of the pods' processes that run a command, for example "/users
// serve", as a crash would: at once, where the cluster would first have to say which pod it is.
// The lab's pods run on this machine.
func crash(command string) (what string) {
	for _, process := range inPods(command) {
		if syscall.Kill(process, syscall.SIGKILL) == nil {
			return command
		}
	}
	return "nothing: no " + command + " runs"
}

// inPods are the processes in pods that run a command line.
func inPods(command string) (found []int) {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		// A process that has ended meanwhile has no files any more.
		group, _ := os.ReadFile(filepath.Join(folder, "cgroup"))
		arguments, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
		line := strings.ReplaceAll(strings.TrimRight(string(arguments), "\x00"), "\x00", " ")
		if id, err := strconv.Atoi(filepath.Base(folder)); err == nil && line == command && bytes.Contains(group, []byte("/kubepods/")) {
			found = append(found, id)
		}
	}
	return found
}

// inGroup are the processes of a container, by the end of its control group's path.
func inGroup(path string) (found []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cgroup")
	for _, file := range files {
		group, _ := os.ReadFile(file)
		if id, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && bytes.Contains(group, []byte(path)) {
			found = append(found, id)
		}
	}
	return found
}

// killContainer kills every process of a container, by Kubernetes' id of it, and returns how many it had.
func killContainer(id string) int {
	if id == "" {
		return 0 // of everything else
	}
	processes := inGroup(strings.TrimPrefix(id, "containerd://"))
	for _, process := range processes {
		_ = syscall.Kill(process, syscall.SIGKILL)
	}
	return len(processes)
}

// remove takes a pod away by force. Its processes are asked to end and have some seconds
// before the kubelet kills them, while the next pod waits for the volume.
func (p *proof) remove(pod string) (what string) {
	p.t.Helper()
	kubectl(p.t, "delete", "pod", pod, "-n", p.namespace, "--force", "--grace-period=0", "--wait=false", "--ignore-not-found")
	return pod
}
