package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// plan is what a preview wants to have, as far as the cluster must bring something
// for it.
type plan struct {
	// context is kubectl's, empty for the current one.
	context string
	// classes are the storage classes of volumes; "" is the cluster's default one.
	classes map[string]bool
	// priorities are the PriorityClasses of pods.
	priorities map[string]bool
	// scales tells that there are autoscalers, keda that some are KEDA's.
	scales, keda bool
	// kinds are custom resources, by plural name and group, with the version.
	kinds map[string]string
	// gateways are Gateways of somebody else and classes that the plan uses.
	gateways []gatewayObject
	// installs tells that the plan brings the operator, and with it the definitions.
	installs bool
}

type step struct {
	NewState *struct {
		Type   string
		Inputs json.RawMessage
	}
}

// read takes a plan from the output of pulumi preview --json.
func read(r io.Reader) (*plan, error) {
	var preview struct {
		Steps       []step
		Diagnostics []struct{ Severity, Message string }
	}
	if err := json.NewDecoder(r).Decode(&preview); err != nil {
		return nil, fmt.Errorf("this is not the output of pulumi preview --json: %w", err)
	}
	for _, d := range preview.Diagnostics {
		if d.Severity == "error" {
			return nil, fmt.Errorf("the preview failed: %s", strings.TrimSpace(d.Message))
		}
	}
	p := &plan{classes: map[string]bool{}, priorities: map[string]bool{}, kinds: map[string]string{}}
	for _, s := range preview.Steps {
		if s.NewState == nil {
			continue
		}
		if err := p.add(s.NewState.Type, s.NewState.Inputs); err != nil {
			return nil, fmt.Errorf("%s: %w", s.NewState.Type, err)
		}
	}
	return p, nil
}

const (
	strimzi = "kubernetes:kafka.strimzi.io/"
	keda    = "kubernetes:keda.sh/"
	gateway = "kubernetes:gateway.networking.k8s.io/"
	issuer  = "kubernetes:cert-manager.io/"
)

func (p *plan) add(token string, inputs json.RawMessage) error {
	switch {
	case token == "pulumi:providers:kubernetes":
		var provider struct{ Context string }
		err := json.Unmarshal(inputs, &provider)
		p.context = provider.Context
		return err
	case token == "kubernetes:core/v1:PersistentVolumeClaim":
		var claim struct {
			Spec struct{ StorageClassName string }
		}
		err := json.Unmarshal(inputs, &claim)
		p.classes[claim.Spec.StorageClassName] = true
		return err
	case strings.HasPrefix(token, "kubernetes:apps/"):
		var set struct {
			Spec struct {
				Template struct {
					Spec struct{ PriorityClassName string }
				}
			}
		}
		err := json.Unmarshal(inputs, &set)
		if name := set.Spec.Template.Spec.PriorityClassName; name != "" {
			p.priorities[name] = true
		}
		return err
	case strings.HasPrefix(token, "kubernetes:autoscaling/"):
		p.scales = true
	case strings.HasPrefix(token, "kubernetes:helm.sh/"):
		p.installs = true
	case strings.HasPrefix(token, strimzi):
		return p.pool(p.define(token), inputs)
	case strings.HasPrefix(token, keda):
		p.scales, p.keda = true, true
		p.define(token)
	case strings.HasPrefix(token, issuer):
		p.define(token)
	case strings.HasPrefix(token, gateway):
		return p.atGateway(p.define(token), inputs)
	}
	return nil
}

// define notes that the cluster has to know a kind.
func (p *plan) define(token string) (kind string) {
	group, rest, _ := strings.Cut(strings.TrimPrefix(token, "kubernetes:"), "/")
	version, kind, _ := strings.Cut(rest, ":")
	p.kinds[strings.ToLower(kind)+"s."+group] = version
	return kind
}

// pool notes the storage classes of a pool of brokers.
func (p *plan) pool(kind string, inputs json.RawMessage) error {
	if kind != "KafkaNodePool" {
		return nil
	}
	var pool struct {
		Spec struct {
			Storage struct {
				Volumes []struct{ Type, Class string }
			}
		}
	}
	err := json.Unmarshal(inputs, &pool)
	for _, volume := range pool.Spec.Storage.Volumes {
		if volume.Type == "persistent-claim" {
			p.classes[volume.Class] = true
		}
	}
	return err
}
