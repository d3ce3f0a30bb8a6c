package main

import (
	"context"
	"encoding/json"
	"slices"
)

// gatewayObject is a Gateway that a route names, or the class of a new Gateway, which
// has no namespace.
type gatewayObject struct{ namespace, name string }

// atGateway notes what the cluster must have for a Gateway or a route. Gateways that the
// plan makes are its own matter.
func (p *plan) atGateway(kind string, inputs json.RawMessage) error {
	var object struct {
		Metadata struct{ Name, Namespace string }
		Spec     struct {
			GatewayClassName string
			ParentRefs       []struct{ Name, Namespace string }
		}
	}
	if err := json.Unmarshal(inputs, &object); err != nil {
		return err
	}
	if kind == "Gateway" {
		p.need(gatewayObject{name: object.Spec.GatewayClassName})
	}
	for _, parent := range object.Spec.ParentRefs {
		// A Gateway in the route's own namespace may be one that the plan makes.
		if parent.Namespace != object.Metadata.Namespace {
			p.need(gatewayObject{parent.Namespace, parent.Name})
		}
	}
	return nil
}

func (p *plan) need(one gatewayObject) {
	if one.name != "" && !slices.Contains(p.gateways, one) {
		p.gateways = append(p.gateways, one)
	}
}

func (g gatewayObject) check(ctx context.Context, ask asker) result {
	r := result{what: "GatewayClass " + g.name, fix: "name a class of this cluster in gateway.own.class: kubectl get gatewayclasses"}
	args := []string{"get", "gatewayclass.gateway.networking.k8s.io", g.name, "-o", "name"}
	if g.namespace != "" {
		r = result{what: "Gateway " + g.namespace + "/" + g.name, fix: "name a Gateway of this cluster in gateway.parent: kubectl get gateways -A"}
		args = []string{"get", "gateway.gateway.networking.k8s.io", g.name, "-n", g.namespace, "-o", "name"}
	}
	if _, err := ask(ctx, args...); err != nil {
		r.problem = err.Error()
	}
	return r
}
