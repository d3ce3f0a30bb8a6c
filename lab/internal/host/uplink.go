package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// Uplink is the one cable between a node's network namespace and the lab's bridge.
// The node has a bridge of the same name for its pods, with the cable's other end
// in it: all pods of all nodes share one segment.
type Uplink struct {
	// Name is the end on the machine's side.
	Name string
	// Process is any process in the node's network namespace.
	Process int
	// Bridge is the name of both bridges.
	Bridge string
	// Address is the node's, with the length of its prefix.
	Address string
	// Hardware is the address of the node's bridge. One that a bridge takes from its
	// ports changes with them, and others remember the former one.
	Hardware string
	// Services are routed to Gateway, where kube-proxy is.
	Services, Gateway string
}

// inside is the name of the end in the namespace.
const inside = "uplink"

// EnsureUplink connects the node. It is right for a cable that is there, in part or
// pulled.
func EnsureUplink(ctx context.Context, u Uplink) error {
	if !exists(u.Name) {
		if err := ip(ctx, "link", "add", u.Name, "type", "veth", "peer", "name", inside, "netns", strconv.Itoa(u.Process)); err != nil {
			return err
		}
	}
	if u.in(ctx, "link", "show", u.Bridge) != nil {
		if err := u.in(ctx, "link", "add", u.Bridge, "address", u.Hardware, "type", "bridge"); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"link", "set", inside, "master", u.Bridge, "up"},
		{"address", "replace", u.Address, "dev", u.Bridge},
		{"link", "set", u.Bridge, "up"},
		{"route", "replace", u.Services, "via", u.Gateway},
	} {
		if err := u.in(ctx, args...); err != nil {
			return err
		}
	}
	return ip(ctx, "link", "set", u.Name, "master", u.Bridge, "up")
}

// Pull takes the cable out: nothing reaches the node and the node reaches nothing.
// It is right for a node without a cable.
func Pull(ctx context.Context, name string) error {
	if !exists(name) {
		return nil
	}
	return ip(ctx, "link", "set", name, "down")
}

// Unplug takes the cable away. It goes by itself too, some time after the node's
// namespace.
func Unplug(ctx context.Context, name string) error {
	if !exists(name) {
		return nil
	}
	if err := ip(ctx, "link", "delete", name); err != nil && exists(name) {
		return err
	}
	return nil
}

// Pulled is whether there is a cable that Pull took out.
func Pulled(name string) bool {
	content, err := os.ReadFile("/sys/class/net/" + name + "/flags")
	if err != nil {
		return false
	}
	flags, err := strconv.ParseUint(strings.TrimSpace(string(content)), 0, 32)
	return err == nil && flags&1 == 0
}

func (u Uplink) in(ctx context.Context, args ...string) error {
	all := append([]string{"--target", strconv.Itoa(u.Process), "--net", "ip"}, args...)
	if output, err := exec.CommandContext(ctx, "nsenter", all...).CombinedOutput(); err != nil {
		return fmt.Errorf("nsenter %s: %w: %s", strings.Join(all, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

func exists(link string) bool {
	_, err := os.Stat("/sys/class/net/" + link)
	return err == nil
}
