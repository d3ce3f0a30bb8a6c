package nodes

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// Annotations of pods and of their sets.
const (
	Revision          = "strimzi.io/revision"
	StorageAnnotation = "strimzi.io/storage"
	CAKeyGeneration   = "strimzi.io/cluster-ca-key-generation"

	caCertGeneration        = "strimzi.io/cluster-ca-cert-generation"
	clientsCACertGeneration = "strimzi.io/clients-ca-cert-generation"
	serverCertHash          = "strimzi.io/server-cert-hash"
	configHash              = "strimzi.io/broker-configuration-hash"
)

// Trust is what a node's pod was started with. A node restarts when any of it changes. So does the exporter, but for the
// clients' authority.
type Trust struct {
	// CACert, CAKey and ClientsCACert are the authorities' generations, from 0.
	CACert, CAKey, ClientsCACert int
	// Certificates are the nodes' own, by their pods' names, and the exporter's, by its Deployment's.
	Certificates map[string][]byte
}

// PodSet lists a pool's pods. It belongs to the pool and goes with it (KafkaCluster.generatePodSets).
func (c *Cluster) PodSet(p Pool, t Trust) *api.StrimziPodSet {
	meta := c.poolMeta(p, c.Set(p))
	meta.Annotations[StorageAnnotation] = StorageText(p.Spec.Storage)
	set := &api.StrimziPodSet{
		ObjectMeta: meta,
		Spec:       api.PodSetSpec{Selector: &metav1.LabelSelector{MatchLabels: c.poolLabels(p)}, Pods: []corev1.Pod{}},
	}
	for _, id := range p.IDs {
		set.Spec.Pods = append(set.Spec.Pods, c.pod(p, id, t))
	}
	return set
}

// StorageText is a pool's storage for the annotation that the next reconciliation compares with.
func StorageText(s api.Storage) string {
	body, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings, numbers and booleans always have a JSON form
	}
	return string(body)
}

func (c *Cluster) pod(p Pool, id int32, t Trust) corev1.Pod {
	name := c.PodName(p, id)
	pod := corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: c.Namespace, Labels: c.podLabels(p, id),
			Annotations: map[string]string{
				Emulator:                   EmulatorText,
				"strimzi.io/kafka-version": KafkaVersion,
				caCertGeneration:           fmt.Sprint(t.CACert),
				CAKeyGeneration:            fmt.Sprint(t.CAKey),
				clientsCACertGeneration:    fmt.Sprint(t.ClientsCACert),
				serverCertHash:             hash(t.Certificates[name]),
				configHash:                 hash([]byte(c.serverConfig(p, id))),
			},
		},
		Spec: c.podSpec(p, id),
	}
	body, err := json.Marshal(pod)
	if err != nil {
		panic(err) // a pod always has a JSON form
	}
	pod.Annotations[Revision] = hash(body)
	return pod
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:4])
}
