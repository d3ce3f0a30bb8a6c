package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
)

func (h *host) find(token tokens.Type) (Resource, error) {
	if r, ok := h.Resources[string(token)]; ok {
		return r, nil
	}
	var known []string
	for name := range h.Resources {
		known = append(known, name)
	}
	slices.Sort(known)
	return Resource{}, fmt.Errorf("the lab's emulator of the %s provider has no %s; it has %s",
		h.Name, token, strings.Join(known, ", "))
}

// Check returns the inputs as they are: defaults count in Diff and in the state,
// so that the state shows what the program said.
func (h *host) Check(_ context.Context, req plugin.CheckRequest) (plugin.CheckResponse, error) {
	r, err := h.find(req.Type)
	if err != nil {
		return plugin.CheckResponse{}, err
	}
	inputs := resource.FromResourcePropertyMap(req.News)
	found := r.Fields.check("", inputs)
	if len(found) == 0 && r.Check != nil {
		found = r.Check(r.Fields.withDefaults(inputs))
	}
	return plugin.CheckResponse{Properties: req.News, Failures: failures(found)}, nil
}

func (h *host) Diff(_ context.Context, req plugin.DiffRequest) (plugin.DiffResponse, error) {
	r, err := h.find(req.Type)
	if err != nil {
		return plugin.DiffResponse{}, err
	}
	state := r.Fields.withDefaults(resource.FromResourcePropertyMap(req.OldOutputs))
	wanted := r.Fields.withDefaults(resource.FromResourcePropertyMap(req.NewInputs))
	if r.Plan != nil {
		wanted = r.Plan(wanted)
	}
	d := differ{changes: map[string]plugin.PropertyDiff{}, replace: r.Update == nil}
	d.diff(r.Fields, "", state, wanted)
	if r.Incomplete != nil {
		if name := r.Incomplete(state); name != "" {
			d.changes[name] = plugin.PropertyDiff{Kind: plugin.DiffAdd}
		}
	}
	if len(d.changes) == 0 {
		return plugin.DiffResult{Changes: plugin.DiffNone}, nil
	}
	return plugin.DiffResult{Changes: plugin.DiffSome, DetailedDiff: d.changes, DeleteBeforeReplace: r.DeleteBeforeReplace && d.replaces()}, nil
}

func (h *host) Create(_ context.Context, req plugin.CreateRequest) (plugin.CreateResponse, error) {
	r, err := h.find(req.Type)
	if err != nil {
		return plugin.CreateResponse{}, err
	}
	inputs := r.Fields.withDefaults(resource.FromResourcePropertyMap(req.Properties))
	if req.Preview {
		planned := r.Fields.withUnknowns(inputs)
		return plugin.CreateResponse{Properties: r.out(planned), Status: resource.StatusOK}, nil
	}
	id, state, err := r.Create(inputs)
	if err != nil && id != "" {
		return plugin.CreateResponse{}, halfMade(id, r.out(state), err)
	}
	if err != nil {
		return plugin.CreateResponse{}, err
	}
	return plugin.CreateResponse{ID: resource.ID(id), Properties: r.out(state), Status: resource.StatusOK}, nil
}

// halfMade tells the engine to keep the state of a resource whose creation
// failed on the way.
func halfMade(id string, state resource.PropertyMap, err error) error {
	properties, failed := plugin.MarshalProperties(state, plugin.MarshalOptions{KeepSecrets: true})
	if failed != nil {
		return errors.Join(err, failed)
	}
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, err.Error()),
		&pulumirpc.ErrorResourceInitFailed{Id: id, Properties: properties, Reasons: []string{err.Error()}})
}

func (h *host) Read(_ context.Context, req plugin.ReadRequest) (plugin.ReadResponse, error) {
	r, err := h.find(req.Type)
	if err != nil {
		return plugin.ReadResponse{}, err
	}
	before := resource.FromResourcePropertyMap(req.State)
	id, state, found := string(req.ID), before, true
	if r.Read != nil {
		id, state, found, err = r.Read(id, before)
	}
	if err != nil || !found {
		return plugin.ReadResponse{}, err
	}
	state = carrySecrets(before, state)
	inputs := r.Fields.inputsOf(resource.FromResourcePropertyMap(req.Inputs), state)
	return plugin.ReadResponse{Status: resource.StatusOK, ReadResult: plugin.ReadResult{
		ID: resource.ID(id), Inputs: resource.ToResourcePropertyMap(inputs), Outputs: r.out(state),
	}}, nil
}

func (h *host) Update(_ context.Context, req plugin.UpdateRequest) (plugin.UpdateResponse, error) {
	r, err := h.find(req.Type)
	if err != nil {
		return plugin.UpdateResponse{}, err
	}
	if r.Update == nil {
		return plugin.UpdateResponse{}, fmt.Errorf("%s cannot be updated in place", req.Type)
	}
	state := resource.FromResourcePropertyMap(req.OldOutputs)
	inputs := r.Fields.withDefaults(resource.FromResourcePropertyMap(req.NewInputs))
	if req.Preview {
		planned := r.Fields.withUnknowns(r.Fields.keepStable(inputs, state))
		return plugin.UpdateResponse{Properties: r.out(planned), Status: resource.StatusOK}, nil
	}
	now, err := r.Update(string(req.ID), state, inputs)
	if err != nil {
		return plugin.UpdateResponse{}, err
	}
	return plugin.UpdateResponse{Properties: r.out(now), Status: resource.StatusOK}, nil
}

func (h *host) Delete(_ context.Context, req plugin.DeleteRequest) (plugin.DeleteResponse, error) {
	r, err := h.find(req.Type)
	if err == nil && r.Delete != nil {
		err = r.Delete(string(req.ID), resource.FromResourcePropertyMap(req.Outputs))
	}
	return plugin.DeleteResponse{Status: resource.StatusOK}, err
}

func (r Resource) out(state property.Map) resource.PropertyMap {
	return resource.ToResourcePropertyMap(r.Fields.markSecrets(state))
}

func (fields Fields) keepStable(inputs, state property.Map) property.Map {
	for name, field := range fields {
		if value, ok := given(state, name); ok && field.Computed && field.Stable {
			inputs = inputs.Set(name, value)
		}
	}
	return inputs
}

// inputsOf tells which inputs would give a state: those that were given before,
// and every other that is not at its default.
func (fields Fields) inputsOf(before, state property.Map) property.Map {
	inputs := map[string]property.Value{}
	for name, field := range fields {
		value, ok := given(state, name)
		if !ok || field.Computed {
			continue
		}
		old, was := given(before, name)
		if was || !(field.Assigned || field.Default != nil && plain(value).Equals(Value(field.Default))) {
			inputs[name] = field.inputOf(old, value)
		}
	}
	return property.NewMap(inputs)
}

func (f Field) inputOf(before, value property.Value) property.Value {
	switch {
	case f.Kind == Object && value.IsMap():
		old := property.Map{}
		if before.IsMap() {
			old = before.AsMap()
		}
		return property.WithGoValue(value, f.Fields.inputsOf(old, value.AsMap()))
	case f.Kind == List && value.IsArray():
		items := value.AsArray().AsSlice()
		for i := range items {
			old := property.Value{}
			if before.IsArray() && i < before.AsArray().Len() {
				old = before.AsArray().Get(i)
			}
			items[i] = f.Elem.inputOf(old, items[i])
		}
		return property.WithGoValue(value, property.NewArray(items))
	}
	return value.WithSecret(value.Secret() || before.Secret())
}

// failures leaves the engine's own field for the property empty: it knows no
// paths, and would print the value, secret or not.
func failures(found []Failure) []plugin.CheckFailure {
	list := make([]plugin.CheckFailure, len(found))
	for i, f := range found {
		list[i] = plugin.CheckFailure{Reason: f.Path + ": " + f.Problem}
	}
	return list
}
