// Command keptshards prints the settings of policy shards-kept for a stack:
// which shards are deployed, and which of them were drained. A policy sees only
// what a program wants to have; with these settings it refuses to lose a shard
// that was not drained.
//
// A stack that does not exist or holds no server yet has no shards. Any other
// answer than a complete one is an error: without its settings the policy is off.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: keptshards [ORGANIZATION/PROJECT/]STACK")
		os.Exit(2)
	}
	kept, err := read(context.Background(), os.Args[1], pulumi)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(map[string]settings{"shards-kept": kept})
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "deployed shards of %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// pulumi runs the CLI; its messages go to the caller, so that a refused token
// or an unreachable backend is seen.
func pulumi(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "pulumi", append(args, "--non-interactive")...)
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("pulumi %s %s: %w", args[0], args[1], err)
	}
	return output, nil
}
