package cloudflare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"
)

// zone is the file zone.json: what a zone has of itself, whoever set it. A
// person or a test edits it to stand for a change by hand.
type zone struct {
	Note string `json:"note"`
	// Name completes the names of records.
	Name string `json:"name"`
	// Plan is free, pro, business or enterprise.
	Plan string `json:"plan"`
	// ReadOnly lists the settings that the plan does not let anyone change.
	ReadOnly []string `json:"readOnly"`
	// Refuse holds kinds whose calls the API refuses, and its answer.
	Refuse map[string]string `json:"refuse"`
	// Slow holds kinds of which a creation is answered late, after it took effect, and
	// by how many seconds: time to kill who waits for the answer.
	Slow map[string]float64 `json:"slow"`
	// Values holds, by kind, what there is one of in every zone. A kind's file
	// holds what Pulumi applied; this is what counts.
	Values map[string]map[string]any `json:"values"`

	token error
}

const zoneFile = "zone.json"

// newZone is a zone as Cloudflare hands it out. The settings are its documented
// defaults, those that the component and the tests look at.
func newZone() *zone {
	return &zone{
		Note: note, Name: "example.com", Plan: "free", ReadOnly: []string{"http2"}, Refuse: map[string]string{}, Slow: map[string]float64{},
		Values: map[string]map[string]any{
			settingsKind: {
				"alwaysOnline": "off", "alwaysUseHttps": "off", "brotli": "on", "browserCacheTtl": 14400.0,
				"cacheLevel": "aggressive", "developmentMode": "off", "earlyHints": "off", "http2": "on", "http3": "on",
				"minTlsVersion": "1.0", "securityLevel": "medium", "sortQueryStringForCache": "off", "ssl": "full",
				"tlsClientAuth": "off",
			},
			argoKind:          {"smartRouting": "off", "tieredCaching": "off"},
			tieredKind:        {"cacheType": "off"},
			reserveKind:       {"enabled": false},
			normalizationKind: {"type": "rfc3986", "scope": "incoming"},
			pullsKind:         {},
		},
	}
}

// loadZone reads a zone's own file. Without one, the zone is new, or of an
// emulator that kept nothing but what was applied.
func loadZone(dir, id string) (*zone, error) {
	z, path := newZone(), filepath.Join(dir, id, zoneFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return z, z.adopt(dir, id)
	}
	if err == nil {
		err = json.Unmarshal(text, z)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return z, nil
}

// adopt takes the values that were applied to a zone before it had a file.
func (z *zone) adopt(dir, id string) error {
	for kind, values := range z.Values {
		applied, err := Load(dir, id, kind)
		if err != nil {
			return err
		}
		for _, resource := range applied.Resources {
			properties := resource.Properties
			if settings, ok := properties["settings"].(map[string]any); ok {
				properties = settings
			}
			for name := range values {
				if value, ok := properties[name]; ok {
					values[name] = value
				}
			}
		}
	}
	return nil
}

// write sets values of a kind.
func (z *zone) write(kind string, values map[string]any) {
	if z.Values[kind] == nil {
		z.Values[kind] = map[string]any{}
	}
	maps.Copy(z.Values[kind], values)
}

// delay is how late a creation is answered.
func (z *zone) delay(kind string) time.Duration {
	return time.Duration(z.Slow[kind] * float64(time.Second))
}

// refused is the API's answer to any call about a kind, or nil.
func (z *zone) refused(kind string) error {
	if z.token != nil {
		return z.token
	}
	if answer := z.Refuse[kind]; answer != "" {
		return fmt.Errorf("the API refuses %s: %s", kind, answer)
	}
	return nil
}
