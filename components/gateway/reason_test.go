package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"
)

func route1() resource.PropertyMap {
	return resource.NewPropertyMapFromMap(map[string]any{"kind": "HTTPRoute", "metadata": map[string]any{"name": "gateway", "namespace": "shop"}})
}

func TestWhyAGatewayTakesNothing(t *testing.T) {
	for want, status := range map[string]string{
		"HTTPRoute gateway: Gateway gateways/public, listener htps: Accepted is False (NoMatchingParent): no listener": `{"parents": [{
			"parentRef": {"name": "public", "namespace": "gateways", "sectionName": "htps"},
			"conditions": [{"type": "Accepted", "status": "False", "reason": "NoMatchingParent", "message": "no listener"}, {"type": "ResolvedRefs", "status": "True"}]}]}`,
		"HTTPRoute gateway: Programmed is Unknown (Pending): wait; listener https: ResolvedRefs is False (InvalidCertificateRef): no Secret": `{
			"conditions": [{"type": "Accepted", "status": "True"}, {"type": "Programmed", "status": "Unknown", "reason": "Pending", "message": "wait"}],
			"listeners": [{"name": "https", "conditions": [{"type": "Conflicted", "status": "False"},
				{"type": "ResolvedRefs", "status": "False", "reason": "InvalidCertificateRef", "message": "no Secret"}]}]}`,
		"HTTPRoute gateway: listener https: Conflicted is True (HostnameConflict): twice": `{"listeners": [{"name": "https",
			"conditions": [{"type": "Conflicted", "status": "True", "reason": "HostnameConflict", "message": "twice"}]}]}`,
		"HTTPRoute gateway: Accepted is False (NoMatchingParent)":                                                                                     `{"conditions": [{"type": "Accepted", "status": "False", "reason": "NoMatchingParent", "message": ""}]}`,
		"HTTPRoute gateway: no gateway has said anything against it or for it. Is there a Gateway of this name, and does its class's controller run?": `{"parents": []}`,
	} {
		a := attachedTo()
		a.Status = func(_ context.Context, resource, namespace, name string) (found map[string]any, err error) {
			require.Equal(t, []string{"httproutes", "shop", "gateway"}, []string{resource, namespace, name})
			return found, json.Unmarshal([]byte(status), &found)
		}
		require.Equal(t, want, a.whyNot(route1()))
	}
}

func TestTheCommandShowsWhatTheComponentCannotRead(t *testing.T) {
	a := attachedTo()
	require.Contains(t, a.whyNot(route1()), "kubectl -n shop get httproute gateway -o yaml")
	a.Status = func(context.Context, string, string, string) (map[string]any, error) {
		return nil, errors.New("forbidden")
	}
	require.Contains(t, a.whyNot(route1()), "cannot be read (forbidden): kubectl -n shop get httproute gateway")
}
