package kafka

import (
	"fmt"
	"slices"
	"strings"

	properties "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// poolChange refuses changes that Strimzi ignores or reverts while it reports success.
func poolChange(a *Args, c change) field.ErrorList {
	_, name := c.texts("metadata.name")
	path := field.NewPath("pools").Key(name)
	released := a.releasesPool(name)
	return slices.Concat(storageChange(path.Child("storage"), c),
		rolesChange(path.Child("roles"), c, released), replicasChange(path.Child("replicas"), c, released))
}

func storageChange(path *field.Path, c change) field.ErrorList {
	const volume = "spec.storage.volumes[0]."
	if was, is := c.texts(volume + "type"); was != is && was != "" {
		return field.ErrorList{field.Forbidden(path.Child("ephemeral"), "cannot change: make a new pool")}
	}
	var errs field.ErrorList
	if was, is := c.texts(volume + "class"); was != is && c.known(volume+"class") {
		errs = append(errs, field.Invalid(path.Child("class"), is, fmt.Sprintf("must stay %q: make a new pool", was)))
	}
	if was, is := c.texts(volume + "sizeLimit"); was != is && was != "" {
		errs = append(errs, field.Invalid(path.Child("size"), is, "must stay "+was+": make a new pool"))
	}
	was, is := c.texts(volume + "size")
	if smaller(is, was) {
		errs = append(errs, field.Invalid(path.Child("size"), is, "must be at least "+was+": a volume cannot shrink"))
	}
	return errs
}

// smaller compares quantities. What is none is smaller than nothing.
func smaller(a, b string) bool {
	left, leftErr := resource.ParseQuantity(a)
	right, rightErr := resource.ParseQuantity(b)
	return leftErr == nil && rightErr == nil && left.Cmp(right) < 0
}

// rolesChange keeps the voters, and the partitions of brokers.
func rolesChange(path *field.Path, c change, released bool) field.ErrorList {
	was, is := c.roles()
	if len(was) == 0 {
		return nil
	}
	has := func(roles []string, role Role) bool { return slices.Contains(roles, string(role)) }
	if has(was, Controller) != has(is, Controller) || has(was, Broker) && !has(is, Broker) && !released {
		return field.ErrorList{field.Invalid(path, strings.Join(is, ", "), "must stay "+strings.Join(was, ", ")+": make a new pool")}
	}
	return nil
}

func replicasChange(path *field.Path, c change, released bool) field.ErrorList {
	was, is := c.numbers("spec.replicas")
	roles, _ := c.roles()
	switch {
	case was == 0 || was == is:
	case slices.Contains(roles, string(Controller)):
		return field.ErrorList{field.Invalid(path, is, fmt.Sprintf("must stay %d: the number of controllers cannot change", was))}
	case is < was && !released:
		return field.ErrorList{field.Invalid(path, is, fmt.Sprintf(
			"must be at least %d: Strimzi puts brokers with partitions back; move their partitions, name the pool in removed.pools and deploy", was))}
	}
	return nil
}

func (c change) roles() (old, next []string) {
	sorted := func(value properties.PropertyValue) []string {
		var names []string
		if value.IsArray() {
			for _, item := range value.ArrayValue() {
				names = append(names, text(item))
			}
		}
		slices.Sort(names)
		return names
	}
	was, is := c.get("spec.roles")
	return sorted(was), sorted(is)
}
