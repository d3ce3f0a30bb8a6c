package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

var digest = regexp.MustCompile(`@sha256:[0-9a-f]{64}$`)

// imagePinned keeps restarts from changing the program.
var imagePinned = rule.Rule{
	Name:        "image-pinned",
	Description: "An image names its version: what has none, or latest, is another program after the next restart.",
	Each: eachPod(func(c *rule.Check, p podTemplate) {
		for _, container := range p.Containers() {
			n := container.At("image")
			if n.Known() && !pinned(n.Text()) {
				c.Refuse(p.Owner, n, "a tag other than latest, or a digest", "name the version that was tested")
			}
		}
	}),
}

func pinned(image string) bool {
	if digest.MatchString(image) {
		return true
	}
	image, _, _ = strings.Cut(image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return tag != "" && tag != "latest"
}

// imageDigest fixes the very bytes of an image. A chart's images are the
// vendor's choice.
var imageDigest = rule.Rule{
	Name:        "image-digest",
	Description: "Production runs images by digest: a tag can be pushed again, a digest cannot.",
	OursOnly:    true,
	Settings: []rule.Setting{
		{Name: "stacks", Meaning: "names of the stacks where a digest is demanded", Default: []any{"prod"}},
		{Name: "except", Meaning: "repositories that need none", Default: []any{}},
	},
	Each: eachPod(func(c *rule.Check, p podTemplate) {
		if !slices.Contains(c.Texts("stacks"), c.Stack) {
			return
		}
		for _, container := range p.Containers() {
			n := container.At("image")
			if n.Known() && !digest.MatchString(n.Text()) && !slices.Contains(c.Texts("except"), repository(n.Text())) {
				c.Refuse(p.Owner, n, "name:tag@sha256:<64 hexadecimal digits>",
					"add the digest of the image that was tested, for example from `crane digest`")
			}
		}
	}),
}

func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	folder := strings.LastIndex(image, "/") + 1
	name, _, _ := strings.Cut(image[folder:], ":")
	return image[:folder] + name
}
