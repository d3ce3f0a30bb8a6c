package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/lab/internal/host"
	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
)

// Action is something that a person can do to a node.
type Action struct {
	Name string
	// Effect says what the node's pods and its control plane see.
	Effect string
	do     func(node, context.Context, paths.Paths, io.Writer) error
}

// Actions are all that Break knows.
var Actions = []Action{
	{"off", "the node loses its power: nothing in it says goodbye, nothing answers for it", node.off},
	{"freeze", "every process of the node stops; its network answers", node.freeze},
	{"thaw", "the processes go on", node.thaw},
	{"cut", "nothing reaches the node and it reaches nothing; its processes go on", node.cut},
	{"on", "all of the former is undone; returns when the node is Ready", node.on},
}

// Break does one of Actions to a node of the running lab beside the first, which has
// the control plane on it.
func Break(ctx context.Context, p paths.Paths, log io.Writer, name, action string) error {
	count, err := Nodes(p, 0)
	if err != nil {
		return err
	}
	broken := slices.IndexFunc(nodesOf(count)[1:], func(n node) bool { return n.name() == name })
	chosen := slices.IndexFunc(Actions, func(a Action) bool { return a.Name == action })
	var wrong []error
	if broken < 0 {
		wrong = append(wrong, fmt.Errorf("node %s: must be %s", name, further(count)))
	}
	if chosen < 0 {
		wrong = append(wrong, fmt.Errorf("action %s: must be one of %s", action, strings.Join(ActionNames(), ", ")))
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	return Actions[chosen].do(nodesOf(count)[1:][broken], ctx, p, log)
}

// ActionNames are the names of Actions.
func ActionNames() (names []string) {
	for _, a := range Actions {
		names = append(names, a.Name)
	}
	return names
}

// further says which nodes can be broken.
func further(count int) string {
	if count == 1 {
		return "one beside " + NodeName + ", and this lab has none. Fix: make down, delete .lab/data, make up NODES=3"
	}
	var names []string
	for _, n := range nodesOf(count)[1:] {
		names = append(names, n.name())
	}
	return "one of " + strings.Join(names, ", ") + "; the control plane is on " + NodeName
}

// off pulls the cable first: processes that are killed close their connections, and a
// machine without power does not.
func (n node) off(ctx context.Context, _ paths.Paths, _ io.Writer) error {
	if err := host.Pull(ctx, n.uplink()); err != nil {
		return err
	}
	if err := n.group().Kill(ctx); err != nil {
		return err
	}
	if err := host.Unplug(ctx, n.uplink()); err != nil {
		return err
	}
	return os.RemoveAll(n.run() + "/containerd")
}

func (n node) freeze(ctx context.Context, _ paths.Paths, _ io.Writer) error {
	if err := n.requirePower(); err != nil {
		return err
	}
	return n.group().Freeze(ctx)
}

func (n node) thaw(ctx context.Context, _ paths.Paths, _ io.Writer) error {
	if err := n.requirePower(); err != nil {
		return err
	}
	return n.group().Thaw(ctx)
}

func (n node) cut(ctx context.Context, _ paths.Paths, _ io.Writer) error {
	if err := n.requirePower(); err != nil {
		return err
	}
	return host.Pull(ctx, n.uplink())
}

func (n node) on(ctx context.Context, p paths.Paths, log io.Writer) error {
	count, err := Nodes(p, 0)
	if err != nil {
		return err
	}
	return n.start(ctx, p, log, count, nil)
}

func (n node) requirePower() error {
	if proc.Find(n.program("node")) == 0 {
		return fmt.Errorf("node %s is off. Fix: lab node %s on", n.name(), n.name())
	}
	return nil
}

// state is what a person did to the node last.
func (n node) state() string {
	switch {
	case n.requirePower() != nil:
		return "off"
	case n.group().Frozen():
		return "frozen"
	case host.Pulled(n.uplink()):
		return "cut"
	}
	return "on"
}

// showNodes tells of the nodes that can be broken; a lab of one node has none.
func showNodes(p paths.Paths, out io.Writer) error {
	count, err := Nodes(p, 0)
	if err != nil || count == 1 {
		return err
	}
	for _, n := range nodesOf(count)[1:] {
		fmt.Fprintf(out, "  node %s  %s  %s\n", n.name(), n.zone(), n.state())
	}
	fmt.Fprintln(out)
	return nil
}
