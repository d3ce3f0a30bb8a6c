package gateway

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

func TestEachMistakeHasItsPath(t *testing.T) {
	const zone = "fedcba9876543210fedcba9876543210"
	for want, edit := range map[string]func(*Args){
		"host: Required value":                                func(a *Args) { a.Host = nil },
		`host: Invalid value: "203.0.113.7": must be a whole`: func(a *Args) { a.Host = pulumi.String("203.0.113.7") },
		`host: Invalid value: "www": must be a whole host`:    func(a *Args) { a.Host = pulumi.String("www") },
		`host: Invalid value: "*.example.com"`:                func(a *Args) { a.Host = pulumi.String("*.example.com") },
		"parent: Required value":                              func(a *Args) { a.Parent = nil },
		"own: Forbidden: cannot be combined":                  func(a *Args) { a.Own = owned().Own },
		"parent.name: Required value":                         func(a *Args) { a.Parent.Name = "" },
		"parent.namespace: Required value":                    func(a *Args) { a.Parent.Namespace = "" },
		"parent.listener: Required value":                     func(a *Args) { a.Parent.Listener = "" },
		`parent.listener: Invalid value: "a'b"`:               func(a *Args) { a.Parent.Listener = "a'b" },
		`parent.name: Invalid value: "A"`:                     func(a *Args) { a.Parent.Name = "A" },
		"own.class: Required value":                           func(a *Args) { *a = *owned(); a.Own.Class = "" },
		"own.secret: Required value":                          func(a *Args) { *a = *owned(); a.Own.Secret = nil },
		`own.secret: Invalid value: "A"`:                      func(a *Args) { *a = *owned(); a.Own.Secret = pulumi.String("A") },
		`own.issuer: Invalid value: "A"`:                      func(a *Args) { *a = *owned(); a.Own.Issuer = "A" },
		"own.port: Invalid value: 70000: must be betw":        func(a *Args) { *a = *owned(); a.Own.Port = 70000 },
		"own.redirectPort: Invalid value: 443: must not be":   func(a *Args) { *a = *owned(); a.Own.RedirectPort = 443 },
		"record.target: Required value":                       func(a *Args) { a.Record = &Record{ZoneID: pulumi.String(zone)} },
		`record.target: Invalid value: "a b"`:                 func(a *Args) { a.Record = &Record{ZoneID: pulumi.String(zone), Target: pulumi.String("a b")} },
		`record.target: Invalid value: "10.0.0.7": must be a`: func(a *Args) { a.Record = &Record{ZoneID: pulumi.String(zone), Target: pulumi.String("10.0.0.7")} },
		`record.zoneId: Invalid value: "1": must be 32`:       func(a *Args) { a.Record = &Record{ZoneID: pulumi.String("1"), Target: pulumi.String("192.0.2.1")} },
		"record.zoneId: Required value":                       func(a *Args) { a.Record = &Record{Target: pulumi.String("192.0.2.1")} },
		"timeoutSeconds: Invalid value: 1: must be betw":      func(a *Args) { a.TimeoutSeconds = 1 },
		"origin: Required value":                              func(a *Args) { a.Origin.ServicePort = 0 },
	} {
		a := attachedTo()
		edit(a)
		require.ErrorContains(t, deployed(a, nothing{}), want)
	}
}

type nothing struct{}

func (nothing) NewResource(pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	panic("registered in spite of a mistake")
}

func (nothing) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) { return nil, nil }
