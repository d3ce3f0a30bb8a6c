package strimzi

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/admin"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/pki"
)

// answerTime is how long a cluster may take for all that one resource asks of it.
const answerTime = 30 * time.Second

// Admin is what the operator does in a cluster.
type Admin interface {
	Cluster(ctx context.Context) (id string, brokers int, err error)
	EnsureTopic(ctx context.Context, topic admin.Topic) (id string, err error)
	DeleteTopic(ctx context.Context, name string) error
	EnsureUser(ctx context.Context, user admin.User) error
	DeleteUser(ctx context.Context, name string) error
	Users(ctx context.Context) ([]string, error)
	// BrokersInUse are the brokers that have a replica of some partition.
	BrokersInUse(ctx context.Context) (map[int32]bool, error)
	Close()
}

// Connect opens a connection to brokers.
type Connect func(brokers []string, security *tls.Config) (Admin, error)

// connections has one connection per cluster, which the cluster's reconciler opens once all its nodes are ready.
type connections struct {
	connect Connect
	mu      sync.Mutex
	open    map[types.NamespacedName]connection
}

type connection struct {
	Admin
	to       string
	answered bool
}

// get is nil until the cluster has answered for the first time.
func (c *connections) get(cluster types.NamespacedName) Admin {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.open[cluster]; ok && found.answered {
		return found.Admin
	}
	return nil
}

// answered lets others use the connection.
func (c *connections) answered(cluster types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.open[cluster]; ok {
		found.answered = true
		c.open[cluster] = found
	}
}

// to opens the connection, unless it is open to the same brokers with the same certificates.
func (c *connections) to(cluster types.NamespacedName, brokers []string, ca []byte, own pki.Pair) (Admin, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	target := fmt.Sprintf("%q %x", brokers, sha256.Sum256(append(ca, own.Certificate...)))
	if found, ok := c.open[cluster]; ok {
		if found.to == target {
			return found.Admin, nil
		}
		found.Close()
		delete(c.open, cluster)
	}
	security, err := security(ca, own)
	if err != nil {
		return nil, err
	}
	opened, err := c.connect(brokers, security)
	if err != nil {
		return nil, err
	}
	if c.open == nil {
		c.open = map[types.NamespacedName]connection{}
	}
	c.open[cluster] = connection{Admin: opened, to: target}
	return opened, nil
}

func (c *connections) drop(cluster types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.open[cluster]; ok {
		found.Close()
		delete(c.open, cluster)
	}
}

func security(ca []byte, own pki.Pair) (*tls.Config, error) {
	certificate, err := tls.X509KeyPair(own.Certificate, own.Key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("the cluster's authority is not PEM")
	}
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}
