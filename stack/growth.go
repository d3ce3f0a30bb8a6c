package stack

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/postgres"
)

// growing lists the volumes that are smaller than they will be after this run, which
// does not wait for them: the size of a claim changes at once, that of its volume only
// when the storage system and the node's kubelet have done their part.
func (c *Config) growing(claims []map[string]any) []string {
	var all []string
	for _, claim := range claims {
		name, _, _ := unstructured.NestedString(claim, "metadata", "name")
		wanted := quantityIn(claim, "spec", "resources", "requests", "storage")
		if postgres.HasClaim(postgresName, name) {
			if size, err := resource.ParseQuantity(c.Postgres.Storage.Size); err == nil && size.Cmp(wanted) > 0 {
				wanted = size
			}
		} else if !kafka.HasClaim(kafkaName, name) {
			continue
		}
		if has := quantityIn(claim, "status", "capacity", "storage"); !has.IsZero() && has.Cmp(wanted) < 0 {
			all = append(all, fmt.Sprintf("%s: %s of %s", name, has.String(), wanted.String()))
		}
	}
	slices.Sort(all)
	return all
}

// quantityIn returns zero if there is none.
func quantityIn(of map[string]any, fields ...string) resource.Quantity {
	text, _, _ := unstructured.NestedString(of, fields...)
	size, err := resource.ParseQuantity(text)
	if err != nil {
		return resource.Quantity{}
	}
	return size
}

// tellGrowth warns in previews too, so that nobody counts on space that is not there
// yet.
func (c *Config) tellGrowth(ctx *pulumi.Context, growing []string) error {
	for _, one := range growing {
		if err := ctx.Log.Warn("volume claim "+one+". A run does not wait for its volume to grow, which takes the store from seconds to hours (docs/runbooks/volume-fills-up.md); "+
			"kubectl -n "+c.Namespace+" get persistentvolumeclaims shows what it has", nil); err != nil {
			return err
		}
	}
	return nil
}
