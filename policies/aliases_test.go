package main

import (
	"reflect"
	"testing"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
)

// Two names of one resource of Cloudflare's have the same fields, so that a rule about one
// is one about the other.
func TestNamesOfOneResourceHaveTheSameFields(t *testing.T) {
	for _, pair := range []struct {
		older, newer string
		a, b         any
	}{
		{"Tunnel", "ZeroTrustTunnelCloudflared", cloudflare.TunnelArgs{}, cloudflare.ZeroTrustTunnelCloudflaredArgs{}},
		{"TunnelConfig", "ZeroTrustTunnelCloudflaredConfig", cloudflare.TunnelConfigArgs{}, cloudflare.ZeroTrustTunnelCloudflaredConfigArgs{}},
		{"TunnelRoute", "ZeroTrustTunnelRoute", cloudflare.TunnelRouteArgs{}, cloudflare.ZeroTrustTunnelRouteArgs{}},
		{"TunnelVirtualNetwork", "ZeroTrustTunnelVirtualNetwork", cloudflare.TunnelVirtualNetworkArgs{}, cloudflare.ZeroTrustTunnelVirtualNetworkArgs{}},
	} {
		require.Equal(t, fieldsOf(pair.a), fieldsOf(pair.b), pair.older)
		require.Equal(t, pair.newer, rule.Resource{Type: "cloudflare:index/x:" + pair.older}.Kind())
	}
}

func fieldsOf(args any) []string {
	var names []string
	for i := range reflect.TypeOf(args).NumField() {
		names = append(names, reflect.TypeOf(args).Field(i).Name)
	}
	return names
}
