package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

// Up deploys the stack. It is safe after an earlier run that was killed. The
// engine previews first: policies over the whole stack speak at the end of a
// run, and at the end of an update it would be too late.
func Up(ctx context.Context, p paths.Paths, images map[string]string, log io.Writer) error {
	if err := Prepare(p, images); err != nil {
		return err
	}
	if err := selectStack(ctx, p, log); err != nil {
		return err
	}
	return Run(ctx, p, log, "up", "--yes", "--non-interactive", "--color", "never", "--policy-pack", Policies)
}

// selectStack makes the stack if it is new, and removes the lock that a killed
// run left.
func selectStack(ctx context.Context, p paths.Paths, log io.Writer) error {
	if err := Run(ctx, p, log, "stack", "select", "--create", Stack); err != nil {
		return err
	}
	return releaseStaleLocks(p, log)
}

// Destroy removes the stack's resources. It is safe after an earlier run that
// was killed. It runs the program, so that the guards speak first.
func Destroy(ctx context.Context, p paths.Paths, output io.Writer) error {
	if err := releaseStaleLocks(p, output); err != nil {
		return err
	}
	return Run(ctx, p, output, "destroy", "--yes", "--skip-preview", "--run-program", "--non-interactive", "--stack", Stack)
}

// Run calls pulumi on the checkout with the lab's environment.
func Run(ctx context.Context, p paths.Paths, output io.Writer, args ...string) error {
	// The Kubernetes provider leaves a copy of the kubeconfig among temporary files.
	temporary, err := os.MkdirTemp("", "scalestack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	cmd := command(ctx, p, p.Bin("pulumi"), args...)
	cmd.Env = append(cmd.Env, "TMPDIR="+temporary)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pulumi %s: %w", args[0], err)
	}
	return nil
}

// command is a program that works on the checkout with the lab's environment.
func command(ctx context.Context, p paths.Paths, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Dir = p.Repo
	cmd.Env = append(os.Environ(), environment(p)...)
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(p.Bin("pulumi"))+":"+os.Getenv("PATH"))
	return cmd
}

// Outputs are the stack's outputs.
type Outputs struct {
	Namespace string `json:"namespace"`
	// Services are the URLs of the services, by their keys.
	Services       map[string]string `json:"services"`
	RedisAddress   string            `json:"redisAddress"`
	KafkaBootstrap string            `json:"kafkaBootstrap"`
	Shards         []struct {
		Name string `json:"name"`
		Host string `json:"host"`
	} `json:"shards"`
	ShardMap struct {
		ConfigMap string `json:"configMap"`
	} `json:"shardMap"`
	CDNRules []struct {
		Ref string `json:"ref"`
	} `json:"cdnRules"`
}

// Read asks the stack for its outputs.
func Read(ctx context.Context, p paths.Paths) (Outputs, error) {
	var text bytes.Buffer
	var out Outputs
	if err := Run(ctx, p, &text, "stack", "output", "--json", "--stack", Stack); err != nil {
		return out, fmt.Errorf("%w: %s", err, text.String())
	}
	return out, json.Unmarshal(text.Bytes(), &out)
}
