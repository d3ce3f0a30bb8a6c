package engine

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/pkg/v3/backend/display"
	pulumiengine "github.com/pulumi/pulumi/pkg/v3/engine"
	framework "github.com/pulumi/pulumi/pkg/v3/engine/lifecycletest/framework"
	state "github.com/pulumi/pulumi/pkg/v3/resource"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy/deploytest"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

var (
	update  = framework.TestOp(pulumiengine.Update)
	destroy = framework.TestOp(pulumiengine.Destroy)
	// refresh is pulumi refresh --run-program.
	refresh = framework.TestOp(pulumiengine.RefreshV2)
)

// rig is a stack in the engine.
type rig struct {
	t       *testing.T
	options framework.TestUpdateOptions
	plan    framework.TestPlan
	state   *deploy.Snapshot
	// done is what the provider was asked for in the last run, such as
	// "delete KafkaTopic kafka-topic-orders".
	done []string
	runs int
	// objects are those that the provider has, by kind and logical name.
	objects map[string]resource.PropertyMap
	// each is called whenever they have changed.
	each func()
	// unready is the kind of object whose readiness is awaited in vain.
	unready string
	// before are the field managers of cluster-wide objects that the cluster has
	// already.
	before []string
	// judge is how the provider judges a change; nil for one that it makes in place.
	judge func(plugin.DiffRequest) plugin.DiffResult
	// address is where the engine takes what programs and plugins log.
	address string
	logged  logs
}

// newRig is a stack of the program. Beside the plugins that remember there may be others.
func newRig(t *testing.T, program func() pulumi.RunFunc, plugins ...*deploytest.ProviderLoader) *rig {
	r := &rig{t: t}
	r.start(func(info plugin.RunInfo, _ *deploytest.ResourceMonitor) error {
		ctx, err := pulumi.NewContext(context.Background(), pulumi.RunInfo{
			Project: info.Project, Stack: info.Stack, Parallel: info.Parallel, DryRun: info.DryRun, MonitorAddr: info.MonitorAddress,
			EngineAddr: r.address,
		})
		if err != nil {
			return err
		}
		return pulumi.RunWithContext(ctx, program())
	}, plugins...)
	return r
}

// start makes the engine run a program, in whichever language.
func (r *rig) start(program deploytest.ProgramFunc, plugins ...*deploytest.ProviderLoader) {
	for name, version := range map[tokens.Package]string{"kubernetes": "4.24.1", "random": "4.18.4", "cloudflare": "5.49.1"} {
		plugins = append(plugins, deploytest.NewProviderLoader(name, semver.MustParse(version), func() (plugin.Provider, error) {
			return r.provider(), nil
		}))
	}
	sink := diag.DefaultSink(&r.logged, &r.logged, diag.FormatOptions{Color: colors.Never})
	start := deploytest.NewPluginHostF(sink, sink, deploytest.NewLanguageRuntimeF(program), nil, nil, plugins...)
	r.options = framework.TestUpdateOptions{T: r.t, SkipDisplayTests: true, HostF: func() plugin.Host {
		started := start()
		r.address = started.ServerAddr()
		return started
	}}
	r.options.Parallel = 1 // so that the provider may write down what it does
}

// logs are written by several servers at once.
type logs struct {
	sync.Mutex
	text strings.Builder
}

func (l *logs) Write(line []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.text.Write(line)
}

func (l *logs) String() string {
	l.Lock()
	defer l.Unlock()
	return l.text.String()
}

// note writes down what the provider was asked for, with the object as it is now; nil
// for one that is gone.
func (r *rig) note(what string, urn resource.URN, object resource.PropertyMap) {
	key := string(urn.Type().Name()) + " " + urn.Name()
	r.done = append(r.done, what+" "+key)
	if r.objects == nil {
		r.objects = map[string]resource.PropertyMap{}
	}
	r.objects[key] = object
	if object == nil {
		delete(r.objects, key)
	}
	if r.each != nil {
		r.each()
	}
}

// provider stores what it is given, and builds each chart from three objects.
func (r *rig) provider() plugin.Provider {
	return &deploytest.Provider{
		DiffF: func(_ context.Context, asked plugin.DiffRequest) (plugin.DiffResult, error) {
			if asked.OldInputs.DeepEquals(asked.NewInputs) {
				return plugin.DiffResult{Changes: plugin.DiffNone}, nil
			}
			if r.judge != nil {
				return r.judge(asked), nil
			}
			diff := plugin.DiffResult{Changes: plugin.DiffSome}
			if kind := asked.NewInputs["kind"]; !kind.DeepEquals(asked.OldInputs["kind"]) {
				diff.ChangedKeys = []resource.PropertyKey{"kind"}
			}
			return diff, nil
		},
		CreateF: func(_ context.Context, asked plugin.CreateRequest) (plugin.CreateResponse, error) {
			if !asked.Preview {
				r.note("create", asked.URN, asked.Properties)
			}
			made := plugin.CreateResponse{ID: resource.ID(asked.URN.Name()), Properties: r.applied(asked.URN, asked.Properties)}
			var err error
			made.Status, err = r.awaited(asked.URN, asked.Preview)
			return made, err
		},
		UpdateF: func(_ context.Context, asked plugin.UpdateRequest) (plugin.UpdateResponse, error) {
			if !asked.Preview {
				r.note("update", asked.URN, asked.NewInputs)
			}
			status, err := r.awaited(asked.URN, asked.Preview)
			return plugin.UpdateResponse{Properties: asked.NewInputs, Status: status}, err
		},
		DeleteF: func(_ context.Context, asked plugin.DeleteRequest) (plugin.DeleteResponse, error) {
			r.note("delete", asked.URN, nil)
			return plugin.DeleteResponse{}, nil
		},
		ConstructF: chart,
	}
}

// awaited is how the wait for an object's readiness ends.
func (r *rig) awaited(urn resource.URN, preview bool) (resource.Status, error) {
	if preview || string(urn.Type().Name()) != r.unready {
		return resource.StatusOK, nil
	}
	return resource.StatusPartialFailure, &plugin.InitError{Reasons: []string{"timed out waiting for the condition"}}
}

// applied is the API server's answer, in a dry run too: the object with everybody who
// manages fields of it.
func (r *rig) applied(urn resource.URN, inputs resource.PropertyMap) resource.PropertyMap {
	if string(urn.Type().Name()) == "RandomPassword" {
		inputs = inputs.Copy()
		inputs["result"] = resource.NewStringProperty("of run " + strconv.Itoa(r.runs))
		return inputs
	}
	metadata, ok := inputs["metadata"]
	if !ok || !metadata.IsObject() {
		return inputs
	}
	managers := []any{map[string]any{"manager": "kube-apiserver", "subresource": "status"}}
	if annotations := metadata.ObjectValue()["annotations"]; annotations.IsObject() {
		managers = append(managers, map[string]any{"manager": annotations.ObjectValue()["pulumi.com/patchFieldManager"].V})
	}
	if kind := string(urn.Type().Name()); kind == "CustomResourceDefinition" || kind == "ClusterRole" {
		for _, manager := range r.before {
			managers = append(managers, map[string]any{"manager": manager})
		}
	}
	answer, object := inputs.Copy(), metadata.ObjectValue().Copy()
	object["managedFields"] = resource.NewPropertyValue(managers)
	answer["metadata"], answer["kind"] = resource.NewObjectProperty(object), resource.NewStringProperty(string(urn.Type().Name()))
	return answer
}

// chart registers a definition, a cluster role and a Deployment.
func chart(_ context.Context, asked plugin.ConstructRequest, monitor *deploytest.ResourceMonitor) (plugin.ConstructResponse, error) {
	self, err := monitor.RegisterResource(asked.Type, asked.Name, false, deploytest.ResourceOptions{Parent: asked.Parent})
	if err != nil {
		return plugin.ConstructResponse{}, err
	}
	for token, metadata := range map[tokens.Type]map[string]any{
		"kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition": {"name": "kafkas"},
		"kubernetes:rbac.authorization.k8s.io/v1:ClusterRole":         {"name": "strimzi"},
		"kubernetes:apps/v1:Deployment":                               {"name": "operator", "namespace": "shop"},
	} {
		inputs := resource.NewPropertyMapFromMap(map[string]any{"metadata": metadata, "spec": map[string]any{"status": map[string]any{}}})
		name := asked.Name + "-" + metadata["name"].(string)
		if _, err := monitor.RegisterResource(token, name, true, deploytest.ResourceOptions{Parent: self.URN, Inputs: inputs}); err != nil {
			return plugin.ConstructResponse{}, err
		}
	}
	return plugin.ConstructResponse{URN: self.URN}, nil
}

// run returns the engine's error together with what it told the user.
func (r *rig) run(op framework.TestOp, preview bool) (said string, err error) {
	err = r.watch(op, preview, func(event pulumiengine.Event) {
		if event.Type == pulumiengine.DiagEvent {
			said += event.Payload().(pulumiengine.DiagEventPayload).Message
		}
	})
	return said, err
}

// diff is what pulumi preview --diff shows.
func (r *rig) diff() (shown string) {
	r.t.Helper()
	seen := map[resource.URN]pulumiengine.StepEventMetadata{}
	options := display.Options{Color: colors.Never, IsInteractive: false, Type: display.DisplayDiff}
	require.NoError(r.t, r.watch(update, true, func(event pulumiengine.Event) {
		shown += display.RenderDiffEvent(event, 0, seen, options)
	}))
	return shown
}

// watch runs op and hands over every event of the engine.
func (r *rig) watch(op framework.TestOp, preview bool, each func(pulumiengine.Event)) error {
	r.done = nil
	r.runs++
	collect := func(_ workspace.Project, _ deploy.Target, _ pulumiengine.JournalEntries, events []pulumiengine.Event, err error) error {
		for _, event := range events {
			each(event)
		}
		return err
	}
	after, err := op.RunStep(r.plan.GetProject(), r.plan.GetTarget(r.t, r.state), r.options, preview, r.plan.BackendClient, collect, strconv.Itoa(r.runs))
	if !preview && after != nil {
		r.state = after
	}
	return err
}

func (r *rig) mustRun(op framework.TestOp) {
	r.t.Helper()
	said, err := r.run(op, false)
	require.NoError(r.t, err, said)
}

// find returns the resource of that kind whose logical name ends like this.
func (r *rig) find(kind, suffix string) *state.State {
	r.t.Helper()
	for _, one := range r.state.Resources {
		if string(one.URN.Type().Name()) == kind && strings.HasSuffix(one.URN.Name(), suffix) {
			return one
		}
	}
	require.Failf(r.t, "not in the state", "%s %s", kind, suffix)
	return nil
}
