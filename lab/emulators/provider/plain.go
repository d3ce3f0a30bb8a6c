package provider

import "github.com/pulumi/pulumi/sdk/v3/go/property"

// Plain returns m as JSON would hold it, without what marks a value as secret.
func Plain(m property.Map) map[string]any {
	plain := make(map[string]any, m.Len())
	for name, value := range m.All {
		plain[name] = plainValue(value)
	}
	return plain
}

func plainValue(v property.Value) any {
	switch {
	case v.IsMap():
		return Plain(v.AsMap())
	case v.IsArray():
		items := make([]any, v.AsArray().Len())
		for i, item := range v.AsArray().All {
			items[i] = plainValue(item)
		}
		return items
	case v.IsString():
		return v.AsString()
	case v.IsNumber():
		return v.AsNumber()
	case v.IsBool():
		return v.AsBool()
	}
	return nil
}

// FromPlain is the reverse of Plain.
func FromPlain(m map[string]any) property.Map {
	values := make(map[string]property.Value, len(m))
	for name, value := range m {
		values[name] = Value(value)
	}
	return property.NewMap(values)
}

// carrySecrets marks what was secret before: the outside world does not know it.
func carrySecrets(before, now property.Map) property.Map {
	for name, value := range before.All {
		if v, ok := now.GetOk(name); ok && value.HasSecrets() {
			now = now.Set(name, v.WithSecret(true))
		}
	}
	return now
}
