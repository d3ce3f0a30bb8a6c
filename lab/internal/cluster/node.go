package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/scalestack/scalestack/lab/internal/host"
	"github.com/scalestack/scalestack/lab/internal/paths"
)

// MaxNodes is how many nodes a lab can have: each takes a part of the pods' network.
const MaxNodes = 5

// node is a kubelet and a containerd. The first one runs on the machine itself,
// beside the control plane; each further one has a network and mounts of its own.
type node struct{ number int }

// firstNode is the one that every lab has.
var firstNode = node{1}

func nodesOf(count int) []node {
	all := make([]node, count)
	for i := range all {
		all[i] = node{i + 1}
	}
	return all
}

func (n node) first() bool { return n.number == 1 }

// name is the node's name in the cluster.
func (n node) name() string {
	if n.first() {
		return NodeName
	}
	return fmt.Sprintf("%s-%d", NodeName, n.number)
}

// ip is the node's address on the pods' network.
func (n node) ip() string { return fmt.Sprintf("10.244.0.%d", n.number) }

// hardware is an address of the kind that nobody assigns.
func hardware(ip string) string {
	last, _ := strconv.Atoi(ip[strings.LastIndexByte(ip, '.')+1:])
	return fmt.Sprintf("02:53:4c:00:00:%02x", last)
}

// pods are the first and the last address of the node's pods, in a lab of several
// nodes.
func (n node) pods() (first, last string) {
	const each = (255 - 16) / MaxNodes // 255 is the broadcast address
	begin := 16 + (n.number-1)*each
	return fmt.Sprintf("10.244.0.%d", begin), fmt.Sprintf("10.244.0.%d", begin+each-1)
}

// zones are as many as a region of a cloud has; a lab of five nodes has two with two.
const zones = 3

// zone is the node's zone, in a lab of several nodes.
func (n node) zone() string { return "zone-" + string(rune('a'+(n.number-1)%zones)) }

// program names a program of the node, its log and its certificate.
func (n node) program(name string) string {
	if n.first() {
		return name
	}
	return name + "-" + n.name()
}

// below is a path in the node's own part of a folder.
func (n node) below(path string) string {
	if n.first() {
		return path
	}
	return n.name() + "/" + path
}

// run is the node's folder for what a reboot takes away.
func (n node) run() string { return filepath.Join(paths.Run, n.below("")) }

func (n node) socket() string { return n.run() + "/containerd.sock" }

// uplink is the machine's end of the node's cable.
func (n node) uplink() string { return "ss-" + n.name() }

func (n node) group() host.Group { return host.NewGroup(n.name()) }

// countFile says how many nodes the lab's data belongs to.
const countFile = "nodes"

// Nodes is how many nodes the lab has: asked if its data is new, and otherwise what
// its data says. Volumes belong to a node and addresses are given away, so that
// another number is refused. Zero asks for what there is.
func Nodes(p paths.Paths, asked int) (int, error) {
	if asked < 0 || asked > MaxNodes {
		return 0, fmt.Errorf("--nodes %d: must be in 1..%d", asked, MaxNodes)
	}
	has, err := remembered(p)
	if err != nil {
		return 0, err
	}
	switch {
	case has == 0:
		return max(asked, 1), nil
	case asked != 0 && asked != has:
		return 0, fmt.Errorf("--nodes %d: the data of this lab belongs to %d. Fix: --nodes %d, or make down and delete %s, which deletes all volumes",
			asked, has, has, p.Data(""))
	}
	return has, nil
}

// remembered is zero for a lab without data. One from before there were several nodes
// has no file.
func remembered(p paths.Paths) (int, error) {
	content, err := os.ReadFile(p.Data(countFile))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(p.Data("etcd")); err == nil {
			return 1, nil
		}
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	count, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil || count < 1 || count > MaxNodes {
		return 0, fmt.Errorf("%s holds %q: must be in 1..%d", p.Data(countFile), content, MaxNodes)
	}
	return count, nil
}

// remember is called before anything of the cluster is made. One node is what a lab
// without the file has.
func remember(p paths.Paths, count int) error {
	if count == 1 {
		return nil
	}
	if err := os.MkdirAll(p.Data(""), 0o755); err != nil {
		return err
	}
	return os.WriteFile(p.Data(countFile), []byte(strconv.Itoa(count)+"\n"), 0o644)
}
