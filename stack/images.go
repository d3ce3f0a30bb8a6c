package stack

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// localTag marks an image of a local build. It stands for whatever was built last, so
// it never reaches a cluster: WithLocalImages says what it stands for.
const localTag = ":dev"

// WithLocalImages replaces images with the tag dev by those of a local build, whose
// tags change with their content. The text is a JSON object, such as
// {"example/users:dev": "example/users:dev-5d1f"}; an empty text replaces nothing. A
// configuration whose images all have other tags, or digests, does not change.
func WithLocalImages(text string) Option {
	return func(c *Config) {
		if text == "" {
			return
		}
		built := map[string]string{}
		if err := json.Unmarshal([]byte(text), &built); err != nil {
			c.localImages = fmt.Errorf("local images: %w", err)
			return
		}
		replace := func(image pulumi.StringInput) pulumi.StringInput {
			if name, ok := settings.String(image); ok && strings.HasSuffix(name, localTag) && built[name] != "" {
				return pulumi.String(built[name])
			}
			return image
		}
		c.Postgres.Shardctl.Image = replace(c.Postgres.Shardctl.Image)
		for key, s := range c.Services {
			s.Image = replace(s.Image)
			c.Services[key] = s
		}
	}
}

// checkLocalImages refuses an image of a local build that was never built. Deploying it
// anyway would silently go back to an older build.
func (c *Config) checkLocalImages() field.ErrorList {
	var errs field.ErrorList
	check := func(path *field.Path, image pulumi.StringInput) {
		if name, ok := settings.String(image); ok && strings.HasSuffix(name, localTag) {
			errs = append(errs, field.Invalid(path, name, "stands for a local build that SCALESTACK_IMAGES does not name: name a released image"))
		}
	}
	check(sectionPath("postgres").Child("shardctl", "image"), c.Postgres.Shardctl.Image)
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		if c.Services[key].ImageFrom == "" {
			check(servicePath(key).Child("image"), c.Services[key].Image)
		}
	}
	return errs
}
