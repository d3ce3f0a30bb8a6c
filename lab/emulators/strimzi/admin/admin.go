// Package admin does in a Kafka cluster what topics and users ask for: it compares what is with what should be and
// changes the difference.
package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Dial opens a connection. Names are those of the cluster's own DNS, which the operator's machine may not know.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Client is a connection with every right.
type Client struct {
	kafka *kgo.Client
	adm   *kadm.Client
}

// Connect prepares a client; it connects with its first request.
func Connect(seeds []string, security *tls.Config, dial Dial) (*Client, error) {
	options := []kgo.Opt{kgo.SeedBrokers(seeds...), kgo.ClientID("strimzi-emulator")}
	if security != nil {
		dial = secure(security, dial)
	}
	if dial != nil {
		options = append(options, kgo.Dialer(dial))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, err
	}
	return &Client{kafka: client, adm: kadm.NewClient(client)}, nil
}

// secure speaks TLS under the name that was dialled.
func secure(security *tls.Config, dial Dial) Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		plain, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		config := security.Clone()
		config.ServerName = host
		connection := tls.Client(plain, config)
		if err := connection.HandshakeContext(ctx); err != nil {
			plain.Close()
			return nil, err
		}
		return connection, nil
	}
}

// Close ends the connections.
func (c *Client) Close() { c.kafka.Close() }

// Cluster is the cluster's id and how many brokers are in it. It is asked before any user is made.
func (c *Client) Cluster(ctx context.Context) (id string, brokers int, err error) {
	if err := c.guard(ctx); err != nil {
		return "", 0, err
	}
	metadata, err := c.adm.BrokerMetadata(fresh(ctx))
	if err != nil {
		return "", 0, err
	}
	return metadata.Cluster, len(metadata.Brokers), nil
}

// fresh asks the brokers and not what the client remembers of them: the library's cache answers unless rights are
// asked for too.
func fresh(ctx context.Context) context.Context { return kadm.WithAuthorizedOps(ctx) }

// explained adds Kafka's own words to an error.
func explained(err error, message string) error {
	if err == nil || message == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, message)
}

// code is the error that a broker answered with.
func code(number int16, message *string) error {
	err := kerr.ErrorForCode(number)
	if message == nil {
		return err
	}
	return explained(err, *message)
}

// unless drops an error that says that there is nothing left to do.
func unless(done, err error) error {
	if errors.Is(err, done) {
		return nil
	}
	return err
}
