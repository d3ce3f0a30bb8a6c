// Command zone is the component cdn in a program of its own: Cloudflare in front of
// what somebody else deploys.
package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/cdn"
	"github.com/scalestack/scalestack/internal/settings"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		args, err := load(ctx)
		if err != nil {
			return err
		}
		edge, err := cdn.New(ctx, "cdn", args)
		if err != nil {
			return err
		}
		ctx.Export("rules", edge.Rules)
		ctx.Export("rulesetId", edge.RulesetID)
		return nil
	})
}

// load reads zone:cdn, which has the settings of scalestack:cdn. Ranges and the rules
// between settings are checked by cdn.New.
func load(ctx *pulumi.Context) (*cdn.Args, error) {
	text, _ := ctx.GetConfig("zone:cdn")
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("zone:cdn is not an object: %w", err)
	}
	args := &cdn.Args{}
	return args, settings.Err(settings.Decode(field.NewPath("zone:cdn"), document, args))
}
