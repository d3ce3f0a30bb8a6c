package images

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// node is a node's files, with a java that is made of the script.
type node struct {
	*testing.T
	home string
	env  []string
}

func newNode(t *testing.T, java string) *node {
	t.Helper()
	n := &node{T: t, home: t.TempDir()}
	data := filepath.Join(n.home, "data")
	for name, body := range map[string]string{
		"custom-config/server.config": "node.id=0\nprocess.roles=broker,controller\ncontroller.quorum.voters=0@localhost:9090\n" +
			"controller.listener.names=CONTROL\nlisteners=CONTROL://localhost:9090,PLAINTEXT://localhost:9092\n" +
			"listener.security.protocol.map=CONTROL:PLAINTEXT,PLAINTEXT:PLAINTEXT\nlog.dirs=" + data + "\nmetadata.log.dir=" + data + "\n",
		"custom-config/cluster.id":                "hPcvY250SeCIqBWfgG3QOQ",
		"custom-config/metadata.version":          "3.7-IV4",
		"broker-certs/kafka-dual-0.key":           "key\n",
		"broker-certs/kafka-dual-0.crt":           "certificate\n",
		"cluster-ca-certs/ca.crt":                 "new\n",
		"cluster-ca-certs/ca-2026.crt":            "old\n",
		"cluster-ca-certs/ca.p12":                 "store\n",
		"client-ca-certs/ca.crt":                  "clients\n",
		"libs/jmx_prometheus_javaagent-1.0.1.jar": "",
		"bin/java": "#!/bin/bash\n" + java + "\n",
	} {
		n.write(name, body)
	}
	require.NoError(t, os.MkdirAll(n.path("tmp"), 0o700))
	n.env = append(os.Environ(), "KAFKA_HOME="+n.home, "TMPDIR="+n.path("tmp"), "HOSTNAME=kafka-dual-0", "PATH="+n.path("bin")+":"+os.Getenv("PATH"))
	return n
}

func (n *node) path(name string) string { return filepath.Join(n.home, name) }

func (n *node) write(name, body string) {
	n.Helper()
	require.NoError(n, os.MkdirAll(filepath.Dir(n.path(name)), 0o700))
	require.NoError(n, os.WriteFile(n.path(name), []byte(body), 0o700))
}

func (n *node) read(name string) string {
	n.Helper()
	body, err := os.ReadFile(n.path(name))
	require.NoError(n, err)
	return string(body)
}

func (n *node) start() (string, error) {
	n.Helper()
	command := exec.Command("bash", "files/kafka/kafka-node")
	command.Env = n.env
	out, err := command.CombinedOutput()
	return string(out), err
}

// The tool that formats is asked at every start: whether the volume is this cluster's is its to say.
func TestNodeFormatsAtEveryStart(t *testing.T) {
	n := newNode(t, `printf '%s\n' "$*" >>"$KAFKA_HOME/calls"`)
	n.write("data/meta.properties", "cluster.id=another\n")
	n.write("data/__cluster_metadata-0/quorum-state", "{}")
	_, err := n.start()
	require.NoError(t, err)
	calls := strings.Split(strings.TrimSpace(n.read("calls")), "\n")
	require.Len(t, calls, 2)
	require.Contains(t, calls[0], "kafka.tools.StorageTool format -t=hPcvY250SeCIqBWfgG3QOQ -r=3.7-IV4 -c="+n.path("tmp/strimzi.properties")+" -g")
	require.NotContains(t, calls[1], "-javaagent")
	require.NoFileExists(t, n.path("data/__cluster_metadata-0/quorum-state"))
	require.Equal(t, "key\ncertificate\n", n.read("tmp/node.pem"))
	require.Equal(t, "old\nnew\n", n.read("tmp/cluster-ca.pem"), "every certificate of the authority, and no store")
}

// A container that is restarted finds the folder as the last one left it: the settings
// are a copy of files that nobody may write, and the node's user is not root.
func TestNodeStartsAgainInItsPod(t *testing.T) {
	n := newNode(t, `printf '%s\n' "$*" >>"$KAFKA_HOME/calls"`)
	require.NoError(t, os.Chmod(n.path("custom-config/server.config"), 0o444))
	for range 2 {
		command := exec.Command("setpriv", "--bounding-set=-dac_override", "bash", "files/kafka/kafka-node")
		if os.Geteuid() != 0 {
			command = exec.Command("bash", "files/kafka/kafka-node")
		}
		command.Env = n.env
		out, err := command.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	require.Len(t, strings.Split(strings.TrimSpace(n.read("calls")), "\n"), 4)
}

func TestNodeExportsMetrics(t *testing.T) {
	n := newNode(t, `printf '%s\n' "$*" >>"$KAFKA_HOME/calls"`)
	n.env = append(n.env, "KAFKA_METRICS_ENABLED=true")
	_, err := n.start()
	require.NoError(t, err)
	calls := strings.Split(strings.TrimSpace(n.read("calls")), "\n")
	require.NotContains(t, calls[0], "-javaagent", "the port is the server's")
	require.Contains(t, calls[1], "-javaagent:"+n.path("libs/jmx_prometheus_javaagent-1.0.1.jar")+"=9404:"+n.path("custom-config/metrics-config.json"))
}

func TestNodeDoesNotStartUnformatted(t *testing.T) {
	n := newNode(t, `[ "$*" != "${*/StorageTool/}" ] && exit 1; touch "$KAFKA_HOME/started"`)
	_, err := n.start()
	require.Error(t, err)
	require.NoFileExists(t, n.path("started"))
}
