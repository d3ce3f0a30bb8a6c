package component

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// exists matches the provider's and Cloudflare's errors for what the zone has
// already: a ruleset of the phase, with rules or emptied by hand (20217), a DNS record
// of the name, a page rule of the URL.
var exists = regexp.MustCompile(`(?i)already exists|already has|existing page rule|exceeded maximum number of .*rulesets`)

// Adoptable tells whoever runs pulumi up how to import what already exists at
// Cloudflare. The id of the import contains the zone's.
func Adoptable(ctx *pulumi.Context, parent, suffix, importID string) (pulumi.ResourceOption, error) {
	return Hint(ctx, parent+"-"+suffix+"-exists", func(failed *pulumi.ErrorHookArgs) string { return adoption(failed, parent, importID) })
}

// Hint adds advice to a failure, beside the error itself. The hook's name must be
// unique in the program; explain returns "" for a failure that it does not know.
func Hint(ctx *pulumi.Context, name string, explain func(failed *pulumi.ErrorHookArgs) string) (pulumi.ResourceOption, error) {
	hook, err := ctx.RegisterErrorHook(name, func(failed *pulumi.ErrorHookArgs) (bool, error) {
		if hint := explain(failed); hint != "" {
			_ = ctx.Log.Error(hint, nil) // an error from here would hide the provider's own
		}
		return false, nil
	})
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{OnError: []*pulumi.ErrorHook{hook}}), err
}

// adoption explains how to take over what a failed create found in the zone, or
// returns "" for another failure. The id of the import is made of the zone's.
func adoption(failed *pulumi.ErrorHookArgs, parent, importID string) string {
	if failed.FailedOperation != "create" || len(failed.Errors) == 0 || !exists.MatchString(failed.Errors[0]) {
		return ""
	}
	zone := "<zone>"
	if id := failed.NewInputs["zoneId"]; id.IsString() {
		zone = id.StringValue()
	}
	return fmt.Sprintf("the zone has this already, from another hand, a lost state or a run that was killed. Adopt it and run pulumi up again:\n"+
		"    pulumi import %s %s %s --parent %s=%s --protect=false --generate-code=false\n"+
		"%s"+
		"docs/cdn-operations.md tells where to find the id, and what the update then changes. What another stack has made, leave to it: "+
		"the update would put this stack's in its place.",
		failed.Type, failed.Name, fmt.Sprintf(importID, zone), parent, parentOf(string(failed.URN), parent), fullName(failed))
}

// fullName keeps an imported record where it is. The provider imports its name without the
// zone's, takes the name in full for another one, and deletes the record before it makes it anew.
func fullName(failed *pulumi.ErrorHookArgs) string {
	name := failed.NewInputs["name"]
	if failed.Type != "cloudflare:index/record:Record" || !name.IsString() || !strings.ContainsAny(name.StringValue(), ".@") {
		return ""
	}
	return fmt.Sprintf("Before that up, give it the name that the program has, or it is deleted and made anew, and the name resolves nowhere meanwhile:\n"+
		"    pulumi stack export | jq '(.deployment.resources[] | select(.urn | endswith(\"::%s\")) | (.inputs, .outputs).name) = \"%s\"' | pulumi stack import\n",
		failed.Name, name.StringValue())
}

// parentOf is the URN of the component that a resource belongs to.
func parentOf(urn, parent string) string {
	types, _, _ := strings.Cut(urn, "$cloudflare:")
	return types + "::" + parent
}
