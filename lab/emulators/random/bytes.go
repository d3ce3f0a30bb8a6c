package random

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"

	googleuuid "github.com/google/uuid"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

func id() provider.Resource {
	output := provider.Field{Kind: provider.String, Computed: true}
	return provider.Resource{
		Fields: provider.Fields{
			"byteLength": {Kind: provider.Int, Required: true, AtMost: maxLength},
			"prefix":     {Kind: provider.String},
			"keepers":    keepers,
			"b64Std":     output, "b64Url": output, "dec": output, "hex": output,
		},
		Create: func(in property.Map) (string, property.Map, error) {
			raw, err := randomBytes(intOf(in, "byteLength"))
			if err != nil {
				return "", property.Map{}, err
			}
			return base64.RawURLEncoding.EncodeToString(raw), withID(in, raw), nil
		},
		Read: importer(importID),
	}
}

// importID reads `<base64url>` or `<prefix>,<base64url>`.
func importID(id string) (string, property.Map, error) {
	in := property.Map{}
	encoded := id
	if prefix, rest, ok := strings.Cut(id, ","); ok {
		in, encoded = set(in, map[string]any{"prefix": prefix}), rest
	}
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return "", property.Map{}, fmt.Errorf("importing a RandomId: %q is not base64url: %w", encoded, err)
	}
	return encoded, withID(set(in, map[string]any{"byteLength": len(raw)}), raw), nil
}

func withID(in property.Map, raw []byte) property.Map {
	prefix := ""
	if v := in.Get("prefix"); v.IsString() {
		prefix = v.AsString()
	}
	return set(in, map[string]any{
		"b64Std": prefix + base64.StdEncoding.EncodeToString(raw),
		"b64Url": prefix + base64.RawURLEncoding.EncodeToString(raw),
		"dec":    prefix + new(big.Int).SetBytes(raw).String(),
		"hex":    prefix + hex.EncodeToString(raw),
	})
}

func bytes() provider.Resource {
	output := provider.Field{Kind: provider.String, Computed: true, Secret: true}
	complete := func(in property.Map, raw []byte) property.Map {
		return set(in, map[string]any{
			"base64": base64.StdEncoding.EncodeToString(raw), "hex": hex.EncodeToString(raw),
		})
	}
	return provider.Resource{
		Fields: provider.Fields{
			"length":  {Kind: provider.Int, Required: true, AtLeast: 1, AtMost: maxLength},
			"keepers": keepers,
			"base64":  output, "hex": output,
		},
		Create: func(in property.Map) (string, property.Map, error) {
			raw, err := randomBytes(intOf(in, "length"))
			if err != nil {
				return "", property.Map{}, err
			}
			return base64.StdEncoding.EncodeToString(raw), complete(in, raw), nil
		},
		Read: importer(func(id string) (string, property.Map, error) {
			raw, err := base64.StdEncoding.DecodeString(id)
			if err != nil {
				return "", property.Map{}, fmt.Errorf("importing a RandomBytes: the id is not base64: %w", err)
			}
			return id, complete(set(property.Map{}, map[string]any{"length": len(raw)}), raw), nil
		}),
	}
}

func uuid() provider.Resource {
	return provider.Resource{
		Fields: provider.Fields{
			"keepers": keepers,
			"result":  {Kind: provider.String, Computed: true},
		},
		Create: func(in property.Map) (string, property.Map, error) {
			v, err := googleuuid.NewRandom()
			if err != nil {
				return "", property.Map{}, err
			}
			return v.String(), set(in, map[string]any{"result": v.String()}), nil
		},
		Read: importer(func(id string) (string, property.Map, error) {
			v, err := googleuuid.Parse(id)
			if err != nil {
				return "", property.Map{}, fmt.Errorf("importing a RandomUuid: %q: %w", id, err)
			}
			return v.String(), set(property.Map{}, map[string]any{"result": v.String()}), nil
		}),
	}
}

func randomBytes(n int) ([]byte, error) {
	raw := make([]byte, n)
	_, err := rand.Read(raw)
	return raw, err
}
