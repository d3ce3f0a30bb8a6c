package cloudflare

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

// object is one kind of resource of a zone.
type object struct {
	// kind names the file.
	kind   string
	fields provider.Fields
	check  func(in property.Map) []provider.Failure
	// id chooses the id of a new resource; without it, the zone has one only and
	// the zone's id is the resource's.
	id func(in property.Map) string
	// conflict refuses a new resource beside one that is there.
	conflict func(there, in property.Map) error
	// complete fills in what the API sets; old is empty on creation.
	complete func(id string, old, in property.Map) property.Map
	// importPrefix comes before <zone> or <zone>/<id> in an import id.
	importPrefix string
}

// zoneID is the field that every kind has.
var zoneID = provider.Field{Kind: provider.String, Required: true, Replace: true}

func (o object) resource(zones *store) provider.Resource {
	return provider.Resource{
		Fields: o.fields,
		Check:  o.checkAll,
		Create: func(urn string, in property.Map) (string, property.Map, error) {
			return o.create(zones, urn, in)
		},
		Read: func(id string, state property.Map) (string, property.Map, bool, error) {
			return o.read(zones, id, state)
		},
		Update: func(id string, state, in property.Map) (property.Map, error) {
			return o.update(zones, id, state, in)
		},
		Delete: func(id string, state property.Map) error {
			return zones.change(zoneOf(state), o.kind, func(z *Zone) error {
				delete(z.Resources, id)
				return nil
			})
		},
	}
}

func (o object) checkAll(in property.Map) []provider.Failure {
	var found []provider.Failure
	if zone := in.Get("zoneId"); zone.IsString() && !zoneForm.MatchString(zone.AsString()) {
		found = append(found, provider.Failf("zoneId", "%q is not 32 hexadecimal digits", zone.AsString()))
	}
	if o.check != nil {
		found = append(found, o.check(in)...)
	}
	return found
}

func (o object) create(zones *store, urn string, in property.Map) (id string, state property.Map, err error) {
	zone := zoneOf(in)
	id = zone
	if o.id != nil {
		id = o.id(in)
	}
	err = zones.change(zone, o.kind, func(z *Zone) error {
		old := property.Map{}
		there, why := o.inTheWay(z, in)
		switch {
		case why != nil && z.Resources[there].URN != urn:
			return fmt.Errorf("%w (it has id %s)", why, there)
		case why != nil:
			id, old = there, provider.FromPlain(z.Resources[there].Properties)
		}
		state = o.finish(id, old, in)
		z.put(id, urn, provider.Plain(state))
		return nil
	})
	return id, state, err
}

// inTheWay returns the resource that excludes a new one, and why. If it has the
// URN of the new one, a killed run made it before Pulumi could note it down.
func (o object) inTheWay(z *Zone, in property.Map) (id string, why error) {
	for _, id := range sortedIDs(z) {
		if o.conflict == nil {
			break
		}
		if err := o.conflict(provider.FromPlain(z.Resources[id].Properties), in); err != nil {
			return id, err
		}
	}
	return "", nil
}

func (o object) read(zones *store, id string, state property.Map) (string, property.Map, bool, error) {
	zone := id
	if state.Len() > 0 {
		zone = zoneOf(state)
	} else if before, after, ok := strings.Cut(strings.TrimPrefix(id, o.importPrefix), "/"); ok {
		zone, id = before, after
	}
	z, err := Load(zones.dir, zone, o.kind)
	if err != nil {
		return "", property.Map{}, false, err
	}
	applied, found := z.Resources[id]
	return id, provider.FromPlain(applied.Properties), found, nil
}

func (o object) update(zones *store, id string, old, in property.Map) (property.Map, error) {
	now := o.finish(id, old, in)
	return now, zones.change(zoneOf(old), o.kind, func(z *Zone) error {
		was, found := z.Resources[id]
		if !found {
			return fmt.Errorf("%s %s is gone from zone %s; run pulumi refresh", o.kind, id, zoneOf(old))
		}
		z.put(id, was.URN, provider.Plain(now))
		return nil
	})
}

func (o object) finish(id string, old, in property.Map) property.Map {
	if o.complete == nil {
		return in
	}
	return o.complete(id, old, in)
}

func zoneOf(m property.Map) string { return m.Get("zoneId").AsString() }

func sortedIDs(z *Zone) []string {
	ids := make([]string, 0, len(z.Resources))
	for id := range z.Resources {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// newID makes an id of the form that Cloudflare's have.
func newID() string {
	raw := make([]byte, 16)
	rand.Read(raw) //nolint:errcheck // never fails
	return hex.EncodeToString(raw)
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }

// textOf returns a string property, or "" when it is absent or unknown.
func textOf(m property.Map, name string) string {
	if v := m.Get(name); v.IsString() {
		return v.AsString()
	}
	return ""
}

func mapOf(m property.Map, name string) (property.Map, bool) {
	v := m.Get(name)
	if !v.IsMap() {
		return property.Map{}, false
	}
	return v.AsMap(), true
}
