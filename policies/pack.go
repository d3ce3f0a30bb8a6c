package main

import (
	"context"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/policyx"

	"github.com/scalestack/scalestack/policies/rule"
)

var version = semver.MustParse("1.0.0")

// newPack returns the pack for one stack. Each policy has its own level, because the
// engine ignores the pack's.
func newPack(ctx *pulumi.Context) (policyx.PolicyPack, error) {
	var policies []policyx.Policy
	for _, one := range rules() {
		switch {
		case one.NeedsOptions:
		case one.All != nil:
			policies = append(policies, stackPolicy(ctx.Stack(), one))
		default:
			policies = append(policies, resourcePolicy(ctx.Stack(), one))
		}
	}
	return policyx.NewPolicyPack("scalestack", version, policyx.EnforcementLevelMandatory, policies)
}

func resourcePolicy(stack string, one rule.Rule) policyx.Policy {
	return policyx.NewResourceValidationPolicy(one.Name, policyx.ResourceValidationPolicyArgs{
		Description:      one.Description,
		EnforcementLevel: level(one),
		ConfigSchema:     schema(one),
		ValidateResource: func(_ context.Context, args policyx.ResourceValidationArgs) error {
			return report(args.Manager, one, stack, args.Config, rule.Graph{neutral(args.Resource)})
		},
	})
}

func stackPolicy(stack string, one rule.Rule) policyx.Policy {
	return policyx.NewStackValidationPolicy(one.Name, policyx.StackValidationPolicyArgs{
		Description:      one.Description,
		EnforcementLevel: level(one),
		ValidateStack: func(_ context.Context, args policyx.StackValidationArgs) error {
			graph := make(rule.Graph, len(args.Resources))
			for i, r := range args.Resources {
				graph[i] = neutral(r)
			}
			return report(args.Manager, one, stack, nil, graph)
		},
	})
}

func report(manager policyx.PolicyManager, one rule.Rule, stack string, config map[string]any, graph rule.Graph) error {
	violations, err := one.Violations(stack, config, graph)
	for _, v := range violations {
		manager.ReportViolation(v.Message(), v.Resource.URN)
	}
	return err
}

func level(one rule.Rule) policyx.EnforcementLevel {
	if one.Level == rule.Advisory {
		return policyx.EnforcementLevelAdvisory
	}
	return policyx.EnforcementLevelMandatory
}

func schema(one rule.Rule) *policyx.ConfigSchema {
	if len(one.Settings) == 0 {
		return nil
	}
	properties := map[string]map[string]any{}
	for _, s := range one.Settings {
		properties[s.Name] = s.Schema()
	}
	return &policyx.ConfigSchema{Properties: properties}
}

// neutral leaves the options out: the SDK hands over none.
func neutral(r policyx.AnalyzerResource) rule.Resource {
	return rule.Resource{
		Type: r.Type, Name: r.Name, URN: r.URN,
		Properties: rule.FromProperties(resource.ToResourcePropertyMap(r.Properties)),
	}
}
