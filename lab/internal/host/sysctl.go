package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// setting is one of the kernel's that the lab needs.
type setting struct {
	// file below /proc/sys, and what the lab writes there. A kernel without the file needs
	// nothing.
	file, value string
}

var (
	forwarding = setting{"/proc/sys/net/ipv4/ip_forward", "1"}
	// routing is for several nodes. Where the first is on, what kube-proxy has translated is
	// bridged and not routed, and no bridge sends a frame back to where it came from: the
	// pods of a further node would not reach a Service whose pod is on the same node. Where
	// the second is on, the kernel tells pods of a shorter way and has then, by its limit of ICMP
	// messages, none left to refuse a connection to a Service without pods.
	routing = []setting{
		{"/proc/sys/net/bridge/bridge-nf-call-iptables", "0"},
		{"/proc/sys/net/ipv4/conf/all/send_redirects", "0"},
	}
)

// RouteServices has packets to Services that come over a bridge routed, as several nodes
// behind it need. The folder run remembers what the machine had before.
func RouteServices(bridge, run string) error {
	for _, s := range routing {
		if err := s.set(run); err != nil {
			return err
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/conf/"+bridge+"/send_redirects", []byte("0"), 0o644)
}

// doubtful has the kernel find out within about a second that an address is another pod's now, in place of eight: the lab's
// addresses are few and come around, and a network of a real cluster tells its nodes of a new pod. They go with the bridge.
var doubtful = map[string]string{"delay_first_probe_time": "1", "retrans_time_ms": "250"}

func doubtNeighbours(bridge string) error {
	var errs []error
	for name, value := range doubtful {
		errs = append(errs, os.WriteFile(filepath.Join("/proc/sys/net/ipv4/neigh", bridge, name), []byte(value), 0o644))
	}
	return errors.Join(errs...)
}

// saved is what remembers the machine's own value.
func (s setting) saved(run string) string { return filepath.Join(run, filepath.Base(s.file)) }

// set writes the lab's value, and the first time remembers the machine's in the folder run.
func (s setting) set(run string) error {
	content, err := os.ReadFile(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if _, err := os.Stat(s.saved(run)); err != nil {
		if err := os.WriteFile(s.saved(run), content, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(s.file, []byte(s.value), 0o644)
}

// restore writes what the machine had, if the lab has changed it.
func (s setting) restore(run string) error {
	content, err := os.ReadFile(s.saved(run))
	if err != nil {
		return nil
	}
	return os.WriteFile(s.file, []byte(strings.TrimSpace(string(content))), 0o644)
}

func restoreSettings(run string) error {
	all := []error{forwarding.restore(run), bridged.restore(run)}
	for _, s := range routing {
		all = append(all, s.restore(run))
	}
	return errors.Join(all...)
}
