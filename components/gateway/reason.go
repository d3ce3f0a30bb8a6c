package gateway

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// asking is how long the cluster may take to tell a status.
const asking = 20 * time.Second

// explains tells why the wait for an object ended without success: the provider says
// only that its time is up. It never tries again.
func (r *registrar) explains() (pulumi.ResourceOption, error) {
	hook, err := r.ctx.RegisterErrorHook(r.name+"-explained", func(failed *pulumi.ErrorHookArgs) (bool, error) {
		if failed.FailedOperation != "delete" {
			_ = r.ctx.Log.Error(r.args.whyNot(failed.NewInputs), nil) // the failure itself is reported anyway
		}
		return false, nil
	})
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{OnError: []*pulumi.ErrorHook{hook}}), err
}

// whyNot is what the gateway says against the object, or the command that shows it.
func (a *Args) whyNot(inputs resource.PropertyMap) string {
	kind, name, namespace := text(inputs, "kind"), text(inputs, "metadata.name"), text(inputs, "metadata.namespace")
	command := fmt.Sprintf("kubectl -n %s get %s %s -o yaml", namespace, strings.ToLower(kind), name)
	if a.Status == nil {
		return fmt.Sprintf("%s %s: the gateway's reason is in its status: %s", kind, name, command)
	}
	ctx, cancel := context.WithTimeout(context.Background(), asking)
	defer cancel()
	status, err := a.Status(ctx, strings.ToLower(kind)+"s", namespace, name)
	if err != nil {
		return fmt.Sprintf("%s %s: its status cannot be read (%v): %s", kind, name, err, command)
	}
	return fmt.Sprintf("%s %s: %s", kind, name, strings.Join(refusals(status), "; "))
}

func text(inputs resource.PropertyMap, path string) string {
	parsed, err := resource.ParsePropertyPath(path)
	if err != nil {
		return ""
	}
	value, ok := parsed.Get(resource.NewObjectProperty(inputs))
	if !ok || !value.IsString() {
		return ""
	}
	return value.StringValue()
}

// faults are conditions that are true where something is wrong; the others are true
// where all is well.
var faults = map[string]bool{"Conflicted": true, "OverlappingTLSConfig": true, "PartiallyInvalid": true}

// refusals are the conditions of a status that are as they should not be, each with who
// says so.
func refusals(status map[string]any) []string {
	said := conditions("", status)
	for _, one := range items(status["listeners"]) {
		said = append(said, conditions(fmt.Sprintf("listener %v: ", one["name"]), one)...)
	}
	for _, one := range items(status["parents"]) {
		ref, _ := one["parentRef"].(map[string]any)
		said = append(said, conditions(fmt.Sprintf("Gateway %v/%v, listener %v: ", ref["namespace"], ref["name"], ref["sectionName"]), one)...)
	}
	if len(said) == 0 {
		return []string{"no gateway has said anything against it or for it. Is there a Gateway of this name, and does its class's controller run?"}
	}
	return said
}

func conditions(who string, of map[string]any) (said []string) {
	for _, one := range items(of["conditions"]) {
		kind, _ := one["type"].(string)
		if (one["status"] == "True") == faults[kind] {
			text := fmt.Sprintf("%s%s is %v (%v): %v", who, kind, one["status"], one["reason"], one["message"])
			said = append(said, strings.TrimSuffix(text, ": ")) // some gateways have no message
		}
	}
	return said
}
