//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	gatewayHost  = "shop.example.com"
	gatewayHTTPS = "10.244.0.1:8443"
	gatewayHTTP  = "10.244.0.1:8880"
	devZone      = "0123456789abcdef0123456789abcdef"
)

// A real gateway serves the app on one host by HTTPS, on the stack's own Gateway. A
// route that somebody else's does not take fails the deployment with its reason.
func TestTheAppIsServedByAGateway(t *testing.T) {
	startGateway(t)
	requireRefused(t, "nosuch", "NoMatchingParent")

	own := map[string]any{
		"own":    map[string]any{"class": "traefik", "secret": "shop-tls", "port": 8443, "redirectPort": 8880},
		"record": map[string]any{"zoneId": devZone},
	}
	text, err := withGateway(t, own, "up", "--yes", "--skip-preview")
	require.NoError(t, err, text)
	require.NotContains(t, text, "unknown field", "the definitions know every field")
	requireServed(t)
	// It is a route of its own, which the gateway may take up later than the other.
	eventually(t, 15*time.Second, "the redirect", func() error {
		answer := visit(t, "http://"+gatewayHost+"/users/1", gatewayHTTP)
		if to := answer.Header.Get("Location"); answer.StatusCode != http.StatusMovedPermanently || to != "https://"+gatewayHost+"/users/1" {
			return fmt.Errorf("%s to %q", answer.Status, to)
		}
		return nil
	})
	require.Contains(t, pulumi(t, "stack", "export"), `"content": "10.244.0.1"`, "the record leads where the Gateway is")
	if os.Getenv("GATEWAY") != "" {
		text, err = withGateway(t, own, "preview", "--refresh", "--expect-no-changes", "--target", "**gateway**")
		require.NoError(t, err, "what the API server fills in is no drift\n%s", text)
	}
}

// The platform's Gateway serves the app too, where its listener is for the host.
func TestAnothersGateway(t *testing.T) {
	if os.Getenv("GATEWAY") == "" {
		t.Skip("make prove-gateway")
	}
	startGateway(t)
	requireRefused(t, "other", "NoMatchingListenerHostname")
	text, err := withGateway(t, at("https"), "up", "--yes", "--skip-preview")
	require.NoError(t, err, text)
	requireServed(t)
}

// startGateway lets the lab have one, until the test ends.
func startGateway(t *testing.T) {
	t.Helper()
	namespace := outputs(t).Namespace
	command(t, "go", "run", "-C", "lab", "./cmd/lab", "gateway")
	t.Cleanup(func() { command(t, "go", "run", "-C", "lab", "./cmd/lab", "gateway", "--stop") })
	platformGateway(t)
	t.Cleanup(func() { kubectl(t, "delete", "namespace", "platform", "--timeout=60s") })
	createCertificate(t, namespace)
	t.Cleanup(func() { kubectl(t, "delete", "secret", "shop-tls", "-n", namespace) })
	t.Cleanup(func() { pulumi(t, "up", "--yes", "--skip-preview") })
}

// requireRefused attaches the route to a listener that does not take it.
func requireRefused(t *testing.T, listener, reason string) {
	t.Helper()
	settings := at(listener)
	settings["timeoutSeconds"] = 5
	text, err := withGateway(t, settings, "up", "--yes", "--skip-preview")
	require.Error(t, err, text)
	require.Regexp(t, "HTTPRoute gateway: Gateway platform/public, listener "+listener+": Accepted is False .*"+reason, text)
}

// at is a listener of the platform's Gateway.
func at(listener string) map[string]any {
	return map[string]any{"parent": map[string]any{"name": "public", "namespace": "platform", "listener": listener}}
}

// platformGateway is what the platform's team has: a Gateway for all namespaces, whose
// listener other is for another host.
func platformGateway(t *testing.T) {
	t.Helper()
	kubectl(t, "create", "namespace", "platform")
	createCertificate(t, "platform")
	listener := func(name, host string) manifest {
		return manifest{
			"name": name, "port": 8443, "protocol": "HTTPS", "hostname": host,
			"tls":           manifest{"certificateRefs": []any{manifest{"name": "shop-tls"}}},
			"allowedRoutes": manifest{"namespaces": manifest{"from": "All"}},
		}
	}
	apply(t, []manifest{{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": manifest{"name": "public", "namespace": "platform"},
		"spec": manifest{"gatewayClassName": "traefik", "listeners": []any{listener("https", "*.example.com"), listener("other", "www.example.org")}},
	}})
}

// createCertificate puts the gateway's certificate, of the lab's own authority, into a
// Secret.
func createCertificate(t *testing.T, namespace string) {
	t.Helper()
	pki := filepath.Join(repo, ".lab", "pki")
	cert, err := filepath.Abs(filepath.Join(pki, "gateway-server.crt"))
	require.NoError(t, err)
	kubectl(t, "create", "secret", "tls", "shop-tls", "-n", namespace, "--cert="+cert, "--key="+cert[:len(cert)-len("crt")]+"key")
}

// withGateway runs pulumi on the stack with the app at a gateway.
func withGateway(t *testing.T, settings map[string]any, args ...string) (string, error) {
	t.Helper()
	file := editedFile(t, func(config map[string]any) {
		gateway := map[string]any{
			"enabled": true, "service": "users", "host": gatewayHost,
			"from": []any{map[string]any{"cidr": "10.244.0.1/32"}},
		}
		for name, value := range settings {
			gateway[name] = value
		}
		config["scalestack:gateway"] = gateway
		config["scalestack:externalSecrets"] = []any{"shop-tls"}
	})
	return try(t, "pulumi", append(args, "--non-interactive", "--stack", stackName, "--config-file", file)...)
}

// requireServed asks by HTTPS for what the app serves and for what it keeps to itself.
func requireServed(t *testing.T) {
	t.Helper()
	eventually(t, 15*time.Second, "the app answers", func() error {
		answer := visit(t, "https://"+gatewayHost+"/static/app.css", gatewayHTTPS)
		if answer.StatusCode != http.StatusOK || answer.ProtoMajor != 2 {
			return fmt.Errorf("%s %s", answer.Proto, answer.Status)
		}
		return nil
	})
	answer := visit(t, "https://"+gatewayHost+"/metrics", gatewayHTTPS)
	require.Equal(t, http.StatusNotFound, answer.StatusCode)
	answer = visit(t, "https://other.example.com/", gatewayHTTPS)
	require.Equal(t, http.StatusNotFound, answer.StatusCode, "no other host leads to the app")
}

// visit connects to an address, whatever the URL's host is, and trusts the lab's own
// authority alone.
func visit(t *testing.T, url, address string) *http.Response {
	t.Helper()
	ca, err := os.ReadFile(filepath.Join(repo, ".lab", "pki", "ca.crt"))
	require.NoError(t, err)
	trusted := x509.NewCertPool()
	require.True(t, trusted.AppendCertsFromPEM(ca))
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: trusted}, ForceAttemptHTTP2: true, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	client := &http.Client{
		Transport: transport, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	return answer
}
