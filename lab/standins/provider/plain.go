package provider

import (
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// Plain returns m as JSON would hold it, without what marks a value as secret.
func Plain(m property.Map) map[string]any {
	return resource.ToResourcePropertyMap(plain(property.New(m)).AsMap()).Mappable()
}

// FromPlain is the reverse of Plain.
func FromPlain(m map[string]any) property.Map {
	return resource.FromResourcePropertyMap(resource.NewPropertyMapFromMap(m))
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
