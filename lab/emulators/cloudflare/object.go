package cloudflare

import (
	"errors"
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
	// check finds what the provider refuses before it calls the API.
	check func(in property.Map) []provider.Failure
	// api finds what the provider or the API refuses once the resource is made.
	api func(z *zone, in property.Map) []provider.Failure
	// id chooses the id of a new resource; without it, the zone's id.
	id func(in property.Map) string
	// conflict refuses a new resource beside one that exists.
	conflict func(z *zone, other, in property.Map) error
	// most is how many a zone may have; without it, there is no limit.
	most func(limits) int
	// complete fills in what the API sets; old is empty on creation. An error
	// leaves the resource half made.
	complete func(z *zone, old, in property.Map) (property.Map, error)
	// refresh puts the zone's values into a state.
	refresh func(z *zone, state property.Map) property.Map
	// reset is what deleting does to the zone's values. Kinds with it exist once in
	// every zone and are never gone.
	reset func(z *zone, state property.Map) error
	// imported is what the provider takes over of a resource that it imports. Default: all.
	imported func(z *zone, found property.Map) property.Map
	// importPrefix comes before <zone> or <zone>/<id> in an import id.
	importPrefix string
	// deleteFirst says that a replacement comes after the deletion.
	deleteFirst bool
	incomplete  func(state property.Map) string
}

// zoneID is the field that every kind has. The provider leaves its form to the
// API.
var zoneID = provider.Field{Kind: provider.String, Required: true, Replace: true}

func (o object) resource(zones *store) provider.Resource {
	return provider.Resource{
		Fields: o.fields, Check: o.check, DeleteBeforeReplace: o.deleteFirst, Incomplete: o.incomplete,
		Create: func(in property.Map) (string, property.Map, error) { return o.create(zones, in) },
		Read: func(id string, state property.Map) (string, property.Map, bool, error) {
			return o.read(zones, id, state)
		},
		Update: func(id string, state, in property.Map) (property.Map, error) { return o.update(zones, id, state, in) },
		Delete: func(id string, state property.Map) error { return o.delete(zones, id, state) },
	}
}

func checkZone(in property.Map) error {
	if !zoneForm.MatchString(zoneOf(in)) {
		return fmt.Errorf("the API refuses zoneId: %q is not 32 hexadecimal digits", zoneOf(in))
	}
	return nil
}

// refused is what the API says to inputs that the provider took.
func (o object) refused(z *zone, in property.Map) error {
	var all []error
	if o.api != nil {
		for _, f := range o.api(z, in) {
			all = append(all, fmt.Errorf("the API refuses %s: %s", f.Path, f.Problem))
		}
	}
	return errors.Join(all...)
}

func (o object) create(zones *store, in property.Map) (id string, state property.Map, err error) {
	if err := checkZone(in); err != nil {
		return "", property.Map{}, err
	}
	late := time.Duration(0)
	err = zones.change(zoneOf(in), o.kind, func(z *zone, applied *Zone) error {
		late = z.delay(o.kind)
		if err := o.mayCreate(z, applied, in); err != nil {
			return err
		}
		id = zoneOf(in)
		if o.id != nil {
			id = o.id(in)
		}
		if state, err = o.finish(z, property.Map{}, in); err != nil {
			return err
		}
		applied.put(id, provider.Plain(state))
		return nil
	})
	time.Sleep(late)
	if err != nil && state.Len() == 0 {
		id = ""
	}
	return id, state, err
}

func (o object) mayCreate(z *zone, applied *Zone, in property.Map) error {
	if err := z.refused(o.kind); err != nil && o.kind != settingsKind {
		return err
	}
	if err := o.refused(z, in); err != nil {
		return err
	}
	if o.most != nil && len(applied.Resources) >= o.most(z.limits()) {
		return fmt.Errorf("the API refuses %s: the plan %s allows %d", o.kind, z.Plan, o.most(z.limits()))
	}
	for _, id := range sortedIDs(applied) {
		if o.conflict == nil {
			break
		}
		if err := o.conflict(z, provider.FromPlain(applied.Resources[id].Properties), in); err != nil {
			return fmt.Errorf("%w (it has id %s)", err, id)
		}
	}
	return nil
}

func (o object) read(zones *store, id string, state property.Map) (string, property.Map, bool, error) {
	zone, imported := id, state.Len() == 0
	if !imported {
		zone = zoneOf(state)
	} else if before, after, ok := strings.Cut(strings.TrimPrefix(id, o.importPrefix), "/"); ok {
		zone, id = before, after
	}
	z, err := zones.zone(zone)
	if err != nil {
		return "", property.Map{}, false, err
	}
	if err := z.refused(o.kind); err != nil {
		return "", property.Map{}, false, err
	}
	applied, err := Load(zones.dir, zone, o.kind)
	if err != nil {
		return "", property.Map{}, false, err
	}
	found, exists := applied.Resources[id]
	switch {
	case o.refresh != nil && !imported:
		return id, o.refresh(z, state), true, nil
	case o.refresh != nil && exists:
		return id, o.refresh(z, provider.FromPlain(found.Properties)), true, nil
	}
	properties := provider.FromPlain(found.Properties)
	if imported && exists && o.imported != nil {
		properties = o.imported(z, properties)
	}
	return id, properties, exists, nil
}

func (o object) update(zones *store, id string, old, in property.Map) (now property.Map, err error) {
	if err := checkZone(in); err != nil {
		return property.Map{}, err
	}
	err = zones.change(zoneOf(in), o.kind, func(z *zone, applied *Zone) error {
		if _, exists := applied.Resources[id]; !exists && o.reset == nil {
			return fmt.Errorf("404: zone %s has no %s %s", zoneOf(in), o.kind, id)
		}
		if err := errors.Join(z.refused(o.kind), o.refused(z, in)); err != nil {
			return err
		}
		if now, err = o.finish(z, old, in); err != nil {
			return err
		}
		applied.put(id, provider.Plain(now))
		return nil
	})
	return now, err
}

func (o object) delete(zones *store, id string, state property.Map) error {
	return zones.change(zoneOf(state), o.kind, func(z *zone, applied *Zone) error {
		if err := z.refused(o.kind); err != nil {
			return err
		}
		if _, exists := applied.Resources[id]; !exists && o.reset == nil {
			return fmt.Errorf("404: zone %s has no %s %s; run pulumi refresh", zoneOf(state), o.kind, id)
		}
		delete(applied.Resources, id)
		if o.reset == nil {
			return nil
		}
		return o.reset(z, state)
	})
}

func (o object) finish(z *zone, old, in property.Map) (property.Map, error) {
	if o.complete == nil {
		return in, nil
	}
	return o.complete(z, old, in)
}

func zoneOf(m property.Map) string { return textOf(m, "zoneId") }

func sortedIDs(z *Zone) []string {
	ids := make([]string, 0, len(z.Resources))
	for id := range z.Resources {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
