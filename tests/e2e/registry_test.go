//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The Secret that nodes pull with, the password of the test's registry, and one that it refuses.
const (
	pullSecret    = "registry"
	rightPassword = "of-the-registry"
	wrongPassword = "of-another-one"
)

// A node pulls from a private registry with the secret that kubernetes.pullSecret names.
// With a wrong one the deployment waits and says why, and the right one lets it go on.
func TestNodesPullWithThePullSecret(t *testing.T) {
	const name = "pull"
	image := privateImage(t)
	s := newOwnStack(t, name, "failoverstack.yaml")
	s.set(map[string]string{
		"scalestack:namespace":                   name,
		"scalestack:kubernetes.pullSecret":       pullSecret,
		"scalestack:externalSecrets[0]":          pullSecret,
		"scalestack:services.users.image":        image,
		"scalestack:services.users.replicas.min": "1",
		"scalestack:services.users.replicas.max": "1",
	})
	up := begin(t, "go", "run", "./cmd/watch", "--", "pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", name, "--config-file", s.config)
	registry, _, _ := strings.Cut(image, "/")
	login := func(password string) {
		manifest := command(t, "kubectl", "create", "secret", "docker-registry", pullSecret, "-n", name, "--docker-server="+registry,
			"--docker-username=reader", "--docker-password="+password, "--dry-run=client", "-o", "yaml")
		file := filepath.Join(t.TempDir(), "secret.yaml")
		require.NoError(t, os.WriteFile(file, []byte(manifest), 0o600))
		eventually(t, time.Minute, "the namespace", func() error { _, err := try(t, "kubectl", "apply", "-f", file); return err })
	}
	login(wrongPassword)
	eventually(t, 3*time.Minute, "the deployment says why it waits", func() error {
		text := up.text()
		if strings.Contains(text, "app-") && strings.Contains(text, "ImagePull") && strings.Contains(text, "401") {
			return nil
		}
		return fmt.Errorf("it says\n%s", text)
	})
	login(rightPassword)
	require.NoError(t, up.wait(), up.text())

	pods := kubectl(t, "get", "pods", "-n", name, "-l", "app.kubernetes.io/name=app",
		"-o", `jsonpath={range .items[*]}{.status.containerStatuses[0].imageID} {.status.containerStatuses[0].ready}{"\n"}{end}`)
	require.Contains(t, pods, image+" true")
	require.Contains(t, kubectl(t, "get", "events", "-n", name, "--field-selector", "reason=Pulled", "-o", "jsonpath={.items[*].message}"),
		fmt.Sprintf("Successfully pulled image %q", image))
	kafka := kubectl(t, "get", "pods", "-n", name, "-l", "strimzi.io/cluster=kafka",
		"-o", `jsonpath={range .items[*]}{.metadata.name} {.spec.imagePullSecrets[*].name}{"\n"}{end}`)
	for _, pod := range strings.Split(strings.TrimSpace(kafka), "\n") {
		require.Regexp(t, "^kafka-.* "+pullSecret+"$", pod, "Kafka's pods pull with it too")
	}
}

// privateImage is that of the service in a registry of the test's own.
func privateImage(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "registry")
	build := exec.Command("go", "build", "-C", filepath.Join("tools", "images"), "-o", program, "./registry")
	build.Dir = repo
	text, err := build.CombinedOutput()
	require.NoError(t, err, string(text))
	serve := exec.Command(program, "--archive", filepath.Join(repo, ".lab", "images", "scalestack-users-dev.tar"),
		"--repository", "shop/users", "--user", "reader", "--password", rightPassword)
	serve.Stderr = os.Stderr
	out, err := serve.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, serve.Start())
	t.Cleanup(func() { serve.Process.Kill(); serve.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// running is a program in the background.
type running struct {
	mu    sync.Mutex
	lines strings.Builder
	ended chan error
}

func begin(t *testing.T, name string, args ...string) *running {
	t.Helper()
	r := &running{ended: make(chan error, 1)}
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = repo, r, r
	// Pulumi ends a run in an orderly way when it is interrupted.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	go func() { r.ended <- cmd.Wait(); close(r.ended) }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		<-r.ended
	})
	return r
}

func (r *running) Write(text []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.Write(text)
}

func (r *running) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.String()
}

func (r *running) wait() error { return <-r.ended }
