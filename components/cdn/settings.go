package cdn

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// unwritten explains what a first up leaves out, or returns "". When the provider
// creates the override it knows no earlier value, and then treats the number 0 as no
// change: the zone keeps its own lifetime until the next update.
func unwritten(wanted, zone resource.PropertyMap) string {
	want, has := browserTTLOf(wanted), browserTTLOf(zone)
	if want == nil || has == nil || *want == *has {
		return ""
	}
	return fmt.Sprintf("browserTtl: the zone still has %.0f and not %.0f, which the provider does not send when it makes the settings. "+
		"Run pulumi up again: it then is an update", *has, *want)
}

func browserTTLOf(properties resource.PropertyMap) *float64 {
	settings := properties["settings"]
	if !settings.IsObject() || !settings.ObjectValue()["browserCacheTtl"].IsNumber() {
		return nil
	}
	ttl := settings.ObjectValue()["browserCacheTtl"].NumberValue()
	return &ttl
}
