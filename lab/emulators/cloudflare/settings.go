package cloudflare

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

const settingsKind = "zoneSettingsOverride"

func zoneSettings() object {
	return object{
		kind: settingsKind,
		fields: provider.Fields{
			"zoneId":   zoneID,
			"settings": {Kind: provider.Object, Assigned: true, Fields: settingFields()},
			"initialSettings": {Kind: provider.List, Computed: true, Stable: true,
				Elem: &provider.Field{Kind: provider.Map, Elem: &provider.Field{Kind: provider.String}}},
			"initialSettingsReadAt": {Kind: provider.String, Computed: true, Stable: true},
			"readonlySettings":      {Kind: provider.List, Computed: true, Stable: true, Elem: &provider.Field{Kind: provider.String}},
			"zoneStatus":            {Kind: provider.String, Computed: true, Stable: true},
			"zoneType":              {Kind: provider.String, Computed: true, Stable: true},
		},
		check:    checkSettings,
		complete: applySettings,
		refresh:  readSettings,
		reset:    restoreSettings,
		incomplete: func(state property.Map) string {
			if state.Get("initialSettings").IsNull() {
				return "initialSettings"
			}
			return ""
		},
	}
}

// applySettings writes the settings that changed. Creation notes all settings of
// the zone first; where that fails, the state stays without them for good, as
// nothing but a creation notes them.
func applySettings(z *zone, old, in property.Map) (property.Map, error) {
	state := in
	for _, name := range []string{"initialSettings", "initialSettingsReadAt", "readonlySettings"} {
		if value := old.Get(name); !value.IsNull() {
			state = state.Set(name, value)
		}
	}
	if old.Len() == 0 {
		if err := z.refused(settingsKind); err != nil {
			return state, fmt.Errorf("reading the initial settings of the zone: %w", err)
		}
		state = withReadOnly(z, state).
			Set("initialSettings", property.New([]property.Value{provider.Value(maps.Clone(z.Values[settingsKind]))})).
			Set("initialSettingsReadAt", property.New(now()))
	}
	settings, _ := mapOf(in, "settings")
	before, _ := mapOf(old, "settings")
	changes := map[string]property.Value{}
	for name, value := range settings.All {
		if !value.IsNull() && !value.Equals(before.Get(name)) && !(old.Len() == 0 && isZero(value)) {
			changes[name] = value
		}
	}
	if err := z.set(changes); err != nil {
		return state, err
	}
	return readSettings(z, state), nil
}

// isZero tells the numbers that a creation does not send: the provider's SDK takes 0
// for no change of what was not set before, and an update sends it.
func isZero(value property.Value) bool { return value.IsNumber() && value.AsNumber() == 0 }

// set writes settings. The provider refuses read-only ones before it calls the
// API. A null is the empty value that it sends for a setting of which it knows
// no initial value.
func (z *zone) set(changes map[string]property.Value) error {
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		if slices.Contains(z.ReadOnly, name) {
			return fmt.Errorf("invalid zone setting %q found: it cannot be set as it is read only", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		if changes[name].IsNull() {
			return fmt.Errorf("the API refuses the empty value of zone setting %q", name)
		}
	}
	if err := z.browserTTL(changes["browserCacheTtl"]); err != nil {
		return err
	}
	z.write(settingsKind, provider.Plain(property.NewMap(changes)))
	return nil
}

// browserTTL checks the browser lifetime, whose least depends on the plan; 0
// respects the origin.
func (z *zone) browserTTL(value property.Value) error {
	least := z.limits().zoneBrowserTTL
	if value.IsNumber() && value.AsNumber() != 0 && int(value.AsNumber()) < least {
		return fmt.Errorf("the API refuses settings.browserCacheTtl: %.0f is below %d, the least on the plan %s", value.AsNumber(), least, z.Plan)
	}
	return nil
}

// readSettings puts all settings of the zone into the state, not only those of
// the program.
func readSettings(z *zone, state property.Map) property.Map {
	return withReadOnly(z, state).
		Set("settings", provider.Value(maps.Clone(z.Values[settingsKind]))).
		Set("zoneStatus", property.New("active")).
		Set("zoneType", property.New("full"))
}

func withReadOnly(z *zone, state property.Map) property.Map {
	names := make([]any, len(z.ReadOnly))
	for i, name := range z.ReadOnly {
		names[i] = name
	}
	return state.Set("readonlySettings", provider.Value(names))
}

// restoreSettings writes the initial value of every setting of which the state
// has another one, whoever set it.
func restoreSettings(z *zone, state property.Map) error {
	settings, _ := mapOf(state, "settings")
	initial := property.Map{}
	if list := state.Get("initialSettings"); list.IsArray() {
		if list.AsArray().Len() == 0 {
			return nil // of an emulator that noted no initial settings
		}
		initial = list.AsArray().Get(0).AsMap()
	}
	changes := map[string]property.Value{}
	for name, value := range settings.All {
		if was := initial.Get(name); !was.Equals(value) {
			changes[name] = was
		}
	}
	return z.set(changes)
}
