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

// The password of the test's registry, and one that it refuses.
const (
	rightPassword = "of-the-registry"
	wrongPassword = "of-another-one"
)

// A node pulls from a private registry with the secret that kubernetes.pullSecret names.
// With a wrong one the deployment waits and says why, and the right one lets it go on.
func TestNodesPullWithThePullSecret(t *testing.T) {
	namespace, image := outputs(t).Namespace, privateImage(t)
	registry, _, _ := strings.Cut(image, "/")
	login := func(password string) string {
		manifest := command(t, "kubectl", "create", "secret", "docker-registry", "registry", "-n", namespace, "--docker-server="+registry,
			"--docker-username=reader", "--docker-password="+password, "--dry-run=client", "-o", "yaml")
		file := filepath.Join(t.TempDir(), "secret.yaml")
		require.NoError(t, os.WriteFile(file, []byte(manifest), 0o600))
		return file
	}
	kubectl(t, "apply", "-f", login(wrongPassword))
	t.Cleanup(func() { try(t, "kubectl", "delete", "secret", "registry", "-n", namespace) })
	file := editedFile(t, func(config map[string]any) {
		config["scalestack:kubernetes"] = map[string]any{"pullSecret": "registry"}
		config["scalestack:externalSecrets"] = []string{"registry"}
		analytics := config["scalestack:services"].(map[string]any)["analytics"].(map[string]any)
		delete(analytics, "imageFrom")
		analytics["image"] = image
	})
	t.Cleanup(func() {
		// What a failed run has left is seen by a refresh alone.
		pulumi(t, "refresh", "--yes", "--skip-preview", "--run-program")
		pulumi(t, "up", "--yes", "--skip-preview")
	})

	up := begin(t, "go", "run", "./cmd/watch", "--", "pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", "dev", "--config-file", file)
	eventually(t, 3*time.Minute, "the deployment says why it waits", func() error {
		text := up.text()
		if strings.Contains(text, "analytics-") && strings.Contains(text, "ImagePull") && strings.Contains(text, "401") {
			return nil
		}
		return fmt.Errorf("it says\n%s", text)
	})
	kubectl(t, "apply", "-f", login(rightPassword))
	require.NoError(t, up.wait(), up.text())

	pods := kubectl(t, "get", "pods", "-n", namespace, "-l", "app.kubernetes.io/name=analytics",
		"-o", `jsonpath={range .items[*]}{.status.containerStatuses[0].imageID} {.status.containerStatuses[0].ready}{"\n"}{end}`)
	require.Contains(t, pods, image+" true")
	require.Contains(t, kubectl(t, "get", "events", "-n", namespace, "--field-selector", "reason=Pulled", "-o", "jsonpath={.items[*].message}"),
		fmt.Sprintf("Successfully pulled image %q", image))
	// The exporter's pod of before may need a moment to end.
	eventually(t, time.Minute, "Kafka's pods pull with it too", func() error {
		kafka := kubectl(t, "get", "pods", "-n", namespace, "-l", "strimzi.io/cluster=kafka",
			"-o", `jsonpath={range .items[*]}{.metadata.name} {.spec.imagePullSecrets[*].name}{"\n"}{end}`)
		for _, pod := range strings.Split(strings.TrimSpace(kafka), "\n") {
			if !strings.HasPrefix(pod, "kafka-") || !strings.HasSuffix(pod, " registry") {
				return fmt.Errorf("%s does not", pod)
			}
		}
		return nil
	})
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
