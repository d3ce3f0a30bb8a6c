// Package random is the lab's emulator of the pulumi-random provider plugin, which no
// registry has. Fields, defaults, outputs, ids, which values are secret, what replaces
// a resource and what a seed yields are those of the plugin 4.18.4: conformance_test.go
// compares it with the plugin's answers. Passwords, strings, ids and bytes come from
// crypto/rand.
//
// The provider's own code could be built instead, but not imported: it is in an
// internal package, and only a module that takes the provider's name by a replace
// directive may use it. It would bring Pulumi's bridge and two of Terraform's SDKs, in
// versions older than the engine here, and a second way to build a plugin, all for two
// of its types, RandomPassword and RandomId. The four answers in which this package is
// known to differ concern what the SDK's types cannot express and a type that nothing
// uses.
package random

import (
	"crypto/rand"
	"math/big"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

// Version is the version of the plugin that this emulates: the one that
// goes with the SDK in the product's go.mod.
const Version = "4.18.4"

// Provider returns the definition of the plugin.
func Provider() *provider.Definition {
	return &provider.Definition{
		Name:    "random",
		Version: Version,
		Resources: map[string]provider.Resource{
			"random:index/randomPassword:RandomPassword": password(),
			"random:index/randomString:RandomString":     text(),
			"random:index/randomId:RandomId":             id(),
			"random:index/randomBytes:RandomBytes":       bytes(),
			"random:index/randomUuid:RandomUuid":         uuid(),
			"random:index/randomInteger:RandomInteger":   integer(),
			"random:index/randomShuffle:RandomShuffle":   shuffle(),
		},
	}
}

// keepers is the field that every type has: any change makes a new value.
var keepers = provider.Field{Kind: provider.Map, Elem: &provider.Field{Kind: provider.String}}

// maxLength bounds what a program can ask for, lest a typo fill the memory.
const maxLength = 1 << 20

// importer makes the Read of a type that has nothing outside its state: on
// import, where there is no state yet, the state comes from the id.
func importer(parse func(id string) (newID string, state property.Map, err error)) func(
	string, property.Map) (string, property.Map, bool, error) {
	return func(id string, state property.Map) (string, property.Map, bool, error) {
		if state.Len() > 0 {
			return id, state, true, nil
		}
		newID, state, err := parse(id)
		return newID, state, err == nil, err
	}
}

// below returns a random number of 0 to n-1.
func below(n int64) (int64, error) {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		return 0, err
	}
	return v.Int64(), nil
}

func intOf(m property.Map, name string) int { return int(m.Get(name).AsNumber()) }

func set(m property.Map, values map[string]any) property.Map {
	for name, value := range values {
		m = m.Set(name, provider.Value(value))
	}
	return m
}
