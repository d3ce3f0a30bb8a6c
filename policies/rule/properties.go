package rule

import "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

// FromProperties converts what Pulumi recorded.
func FromProperties(properties resource.PropertyMap) map[string]any {
	object := make(map[string]any, len(properties))
	for key, value := range properties {
		object[string(key)] = fromValue(value)
	}
	return object
}

func fromValue(value resource.PropertyValue) any {
	switch {
	case value.IsComputed():
		return Unknown{}
	case value.IsOutput():
		return fromOutput(value.OutputValue())
	case value.IsSecret():
		return Secret{fromValue(value.SecretValue().Element)}
	case value.IsArray():
		list := make([]any, len(value.ArrayValue()))
		for i, item := range value.ArrayValue() {
			list[i] = fromValue(item)
		}
		return list
	case value.IsObject():
		return FromProperties(value.ObjectValue())
	case value.IsString(), value.IsNumber(), value.IsBool(), value.IsNull():
		return value.V
	}
	// Assets, archives and references to resources: no policy looks inside.
	return Unknown{}
}

func fromOutput(output resource.Output) any {
	var value any = Unknown{}
	if output.Known {
		value = fromValue(output.Element)
	}
	if output.Secret {
		return Secret{value}
	}
	return value
}
