package provider

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// differ gathers the paths at which the wanted inputs differ from the state.
type differ struct {
	changes map[string]plugin.PropertyDiff
	replace bool
}

// diff compares a state with the wanted inputs, both with their defaults. Only
// inputs count: what the provider computes is never wanted otherwise.
func (d *differ) diff(fields Fields, prefix string, state, wanted property.Map) {
	for _, name := range fields.names() {
		field := fields[name]
		if field.Computed {
			continue
		}
		old, hasOld := given(state, name)
		now, hasNow := given(wanted, name)
		if field.Assigned && !hasNow {
			continue
		}
		inner := *d
		inner.replace = d.replace || field.Replace
		inner.value(field, join(prefix, name), presence{old, hasOld}, presence{now, hasNow})
	}
}

type presence struct {
	value property.Value
	given bool
}

func (d *differ) value(f Field, path string, old, now presence) {
	switch {
	case !old.given && !now.given:
	case !old.given:
		d.note(path, plugin.DiffAdd)
	case !now.given:
		d.note(path, plugin.DiffDelete)
	case f.Kind == Object && old.value.IsMap() && now.value.IsMap():
		d.diff(f.Fields, path, old.value.AsMap(), now.value.AsMap())
	case f.Kind == List && old.value.IsArray() && now.value.IsArray():
		d.list(*f.Elem, path, old.value.AsArray(), now.value.AsArray())
	case f.Same != nil && old.value.IsString() && now.value.IsString() && f.Same(old.value.AsString(), now.value.AsString()):
	case !plain(old.value).Equals(plain(now.value)):
		d.note(path, plugin.DiffUpdate)
	}
}

func (d *differ) list(elem Field, path string, old, now property.Array) {
	at := func(a property.Array, i int) presence {
		if i >= a.Len() {
			return presence{}
		}
		return presence{a.Get(i), true}
	}
	for i := range max(old.Len(), now.Len()) {
		d.value(elem, fmt.Sprintf("%s[%d]", path, i), at(old, i), at(now, i))
	}
}

func (d *differ) note(path string, kind plugin.DiffKind) {
	if d.replace {
		kind = kind.AsReplace()
	}
	d.changes[path] = plugin.PropertyDiff{Kind: kind}
}

// replaces is true when a change needs a new resource.
func (d *differ) replaces() bool {
	for _, change := range d.changes {
		if change.Kind.IsReplace() {
			return true
		}
	}
	return false
}

// plain is a value without the marks that say nothing about what it is.
func plain(v property.Value) property.Value {
	v = v.WithSecret(false).WithDependencies(nil)
	switch {
	case v.IsMap():
		m := v.AsMap().AsMap()
		for key, item := range m {
			m[key] = plain(item)
		}
		return property.New(property.NewMap(m))
	case v.IsArray():
		items := v.AsArray().AsSlice()
		for i := range items {
			items[i] = plain(items[i])
		}
		return property.New(property.NewArray(items))
	}
	return v
}
