package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first minor version of Kubernetes 1 that the objects are checked
// against (make schema).
const oldest = 29

// result is one prerequisite. It is met without a problem.
type result struct{ what, problem, fix string }

func (r result) String() string {
	if r.problem == "" {
		return "ok       " + r.what
	}
	return "MISSING  " + r.what + ": " + r.problem + ". Fix: " + r.fix
}

// check asks the cluster for everything that the plan needs.
func (p *plan) check(ctx context.Context, ask asker) []result {
	results := []result{version(ctx, ask)}
	if p.scales {
		results = append(results, available(ctx, ask, "metrics.k8s.io", result{what: "metrics of pods for the autoscalers (metrics.k8s.io)",
			fix: "install metrics-server; without it nothing scales"}))
	}
	if p.keda {
		results = append(results, available(ctx, ask, "external.metrics.k8s.io", result{what: "KEDA's metrics for the autoscalers (external.metrics.k8s.io)",
			fix: kedaOperator.absent}))
	}
	if len(p.classes) > 0 {
		results = append(results, p.storage(ctx, ask)...)
	}
	for _, name := range slices.Sorted(maps.Keys(p.priorities)) {
		results = append(results, priority(ctx, ask, name))
	}
	for _, name := range slices.Sorted(maps.Keys(p.kinds)) {
		if owner := ownerOf(name); owner != strimziOperator || !p.installs {
			results = append(results, definition(ctx, ask, name, p.kinds[name], owner))
		}
	}
	for _, one := range p.gateways {
		results = append(results, one.check(ctx, ask))
	}
	return results
}

func version(ctx context.Context, ask asker) result {
	r := result{what: fmt.Sprintf("Kubernetes 1.%d or newer", oldest), fix: "name a cluster that answers, or upgrade it"}
	text, err := ask(ctx, "version", "-o", "json")
	if err != nil {
		r.problem = err.Error()
		return r
	}
	var answer struct {
		ServerVersion struct{ Major, Minor string }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		r.problem = err.Error()
		return r
	}
	// Some providers write "29+".
	minor, err := strconv.Atoi(strings.TrimRight(answer.ServerVersion.Minor, "+"))
	if err != nil || answer.ServerVersion.Major == "1" && minor < oldest {
		r.problem = fmt.Sprintf("the cluster is %s.%s", answer.ServerVersion.Major, answer.ServerVersion.Minor)
	}
	return r
}

type conditions struct {
	Status struct {
		Conditions []struct{ Type, Status, Message string }
	}
}

// available asks for an API, not for one program that serves it.
func available(ctx context.Context, ask asker, group string, r result) result {
	text, err := ask(ctx, "get", "apiservice", "v1beta1."+group, "-o", "json")
	if err != nil {
		r.problem = err.Error()
		return r
	}
	var service conditions
	if err := json.Unmarshal(text, &service); err != nil {
		r.problem = err.Error()
		return r
	}
	for _, c := range service.Status.Conditions {
		if c.Type == "Available" && c.Status == "True" {
			return r
		}
	}
	r.problem = "it is not available"
	return r
}

// priority asks for a class of which the API server makes no pod if it is not there: a server
// whose pod was replaced stays away.
func priority(ctx context.Context, ask asker, name string) result {
	r := result{what: "PriorityClass " + name, fix: "create it, or name another in priorityClass: kubectl get priorityclasses"}
	if _, err := ask(ctx, "get", "priorityclass", name, "-o", "name"); err != nil {
		r.problem = err.Error()
	}
	return r
}

type class struct {
	Metadata struct {
		Name        string
		Annotations map[string]string
	}
	AllowVolumeExpansion bool
}

// storage checks every class that a volume names, and the default one for those that
// name none.
func (p *plan) storage(ctx context.Context, ask asker) []result {
	text, err := ask(ctx, "get", "storageclasses", "-o", "json")
	var list struct{ Items []class }
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	var results []result
	for _, name := range slices.Sorted(maps.Keys(p.classes)) {
		r := result{what: "storage class " + name + " that expands", fix: "create it, or name another in storage.class"}
		if name == "" {
			r.what, r.fix = "default storage class that expands", "annotate one with storageclass.kubernetes.io/is-default-class=true, or name one in storage.class"
		}
		if err != nil {
			r.problem = err.Error()
		} else {
			r = expands(r, name, list.Items)
		}
		results = append(results, r)
	}
	return results
}

func expands(r result, name string, classes []class) result {
	for _, c := range classes {
		isDefault := c.Metadata.Annotations["storageclass.kubernetes.io/is-default-class"] == "true"
		if c.Metadata.Name != name && (name != "" || !isDefault) {
			continue
		}
		if !c.AllowVolumeExpansion {
			r.problem = c.Metadata.Name + " does not allow it"
			r.fix = "kubectl patch storageclass " + c.Metadata.Name + ` --patch '{"allowVolumeExpansion":true}', if its driver can`
		}
		return r
	}
	r.problem = "there is none"
	return r
}

// owner brings definitions of custom resources to the cluster. The fixes are for one
// that is not there, and for one that serves another version.
type owner struct{ absent, other string }

var (
	strimziOperator = owner{"install Strimzi's operator, or set kafka.operator.mode to install", "set kafka.apiVersion to one that it does, or change the operator"}
	gatewayAPI      = owner{"install the Gateway API's definitions, v1.0 or newer, and a controller; or remove scalestack:gateway", "install the Gateway API's definitions, v1.0 or newer"}
	certManager     = owner{"install cert-manager 1.0 or newer, or set secret in place of issuer in postgres.tls and redis.tls", "install cert-manager 1.0 or newer"}
	kedaOperator    = owner{"install KEDA 2.17 or newer, or remove the services' triggers", "install KEDA 2.17 or newer"}
)

func ownerOf(definition string) owner {
	switch {
	case strings.HasSuffix(definition, ".keda.sh"):
		return kedaOperator
	case strings.HasSuffix(definition, ".cert-manager.io"):
		return certManager
	case strings.HasSuffix(definition, ".gateway.networking.k8s.io"):
		return gatewayAPI
	}
	return strimziOperator
}

// definition asks for a custom resource and the version that the plan uses.
func definition(ctx context.Context, ask asker, name, version string, from owner) result {
	r := result{what: name + " " + version, fix: from.absent}
	text, err := ask(ctx, "get", "customresourcedefinition", name, "-o", "json")
	if err != nil {
		r.problem = err.Error()
		return r
	}
	var found struct {
		Spec struct {
			Versions []struct {
				Name   string
				Served bool
			}
		}
	}
	if err := json.Unmarshal(text, &found); err != nil {
		r.problem = err.Error()
		return r
	}
	for _, v := range found.Spec.Versions {
		if v.Name == version && v.Served {
			return r
		}
	}
	r.problem, r.fix = "the cluster does not serve this version", from.other
	return r
}
