package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/scalestack/scalestack/lab/internal/builds/networkpolicy"
	"github.com/scalestack/scalestack/lab/internal/host"
	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
)

// policyProgram decides by the NetworkPolicies.
const policyProgram = "network-policies"

// policies are a lab's of one node. The nodes of a larger one share one segment, and what
// passes from pod to pod within a further node is seen by no filter of the machine.
var policies = host.Policies{Bridge: Bridge, PodCIDR: podCIDR, Queue: 471, Run: paths.Run}

// PoliciesObeyed is nil while NetworkPolicies are obeyed, and says otherwise why they are not.
func PoliciesObeyed(ctx context.Context, nodes int) error {
	if nodes > 1 {
		return errors.New("a lab with several nodes")
	}
	if err := policies.Possible(ctx); err != nil {
		return err
	}
	return policies.Heard()
}

// enforcePolicies returns when NetworkPolicies are obeyed, or where the kernel cannot.
func enforcePolicies(ctx context.Context, p paths.Paths, log io.Writer) error {
	if err := policies.Possible(ctx); err != nil {
		fmt.Fprintf(log, "NetworkPolicies are not obeyed: %v\n", err)
		return nil
	}
	if err := ensure(ctx, log, policiesSpec(p)); err != nil {
		return err
	}
	if err := waitFor(ctx, time.Minute, "NetworkPolicies", policies.Heard); err != nil {
		return err
	}
	return policies.Ensure(ctx)
}

func policiesSpec(p paths.Paths) proc.Spec {
	s := newSpec(p, policyProgram,
		"--kubeconfig="+p.Kubeconfig(policyProgram), "--node="+NodeName, "--queue="+strconv.Itoa(policies.Queue))
	s.Env = append(s.Env, networkpolicy.NodeRun+"="+firstNode.run())
	return s
}
