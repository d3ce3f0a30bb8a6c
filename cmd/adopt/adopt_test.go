package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const state = `{"deployment":{"resources":[
	{"type":"pulumi:pulumi:Stack"},
	{"type":"pulumi:providers:kubernetes","custom":true},
	{"type":"scalestack:redis:Redis","outputs":{"kind":"none"}},
	{"type":"random:index/randomPassword:RandomPassword","custom":true},
	{"type":"kubernetes:core/v1:ServiceAccountPatch","custom":true,"outputs":{"kind":"ServiceAccount","apiVersion":"v1","metadata":{"name":"default"}}},
	{"type":"kubernetes:core/v1:Namespace","custom":true,"outputs":{"kind":"Namespace","apiVersion":"v1","__fieldManager":"scalestack","metadata":{"name":"shop"}}},
	{"type":"kubernetes:kafka.strimzi.io/v1beta2:Kafka","custom":true,"outputs":{"kind":"Kafka","apiVersion":"kafka.strimzi.io/v1beta2","__fieldManager":"pulumi-kubernetes-0000new0","metadata":{"name":"kafka","namespace":"shop"}}},
	{"type":"kubernetes:apps/v1:Deployment","custom":true,"outputs":{"kind":"Deployment","apiVersion":"apps/v1","__fieldManager":"pulumi-kubernetes-beef","metadata":{"name":"app","namespace":"shop"}}}
]}}`

// cluster answers as pulumi and kubectl do, and records the patches.
type cluster struct {
	objects map[string]string
	state   string
	patches []string
}

func (c *cluster) call(_ context.Context, program string, args ...string) ([]byte, error) {
	switch line := strings.Join(args, " "); {
	case program == "pulumi":
		return []byte(c.state), nil
	case args[0] == "get":
		if text, ok := c.objects[args[1]]; ok {
			return []byte(text), nil
		}
		return nil, errors.New("NotFound")
	default:
		c.patches = append(c.patches, line)
		return nil, nil
	}
}

func owned(managers string) string {
	return `{"metadata":{"resourceVersion":"7","managedFields":[` + managers + `]}}`
}

func TestLostManagersGo(t *testing.T) {
	c := &cluster{state: state, objects: map[string]string{
		"Namespace":                      owned(`{"manager":"scalestack","operation":"Apply"}`),
		"Kafka.v1beta2.kafka.strimzi.io": owned(`{"manager":"pulumi-kubernetes-0000new0","operation":"Apply"},{"manager":"pulumi-kubernetes-0000new0","operation":"Update"}`),
		"Deployment.v1.apps": owned(`{"manager":"pulumi-kubernetes-dead","operation":"Apply"},{"manager":"kubectl","operation":"Apply"},
			{"manager":"pulumi-kubernetes-beef","operation":"Apply"},{"manager":"pulumi-kubernetes-cafe","operation":"Apply"},{"manager":"kube-controller-manager","operation":"Update"}`),
	}}
	var out strings.Builder
	require.NoError(t, adopt(t.Context(), "prod", "eks", c.call, &out))
	require.Equal(t, []string{`patch Deployment.v1.apps app --namespace shop --context eks --type json --patch ` +
		`[{"op":"test","path":"/metadata/resourceVersion","value":"7"},{"op":"remove","path":"/metadata/managedFields/3"},{"op":"remove","path":"/metadata/managedFields/0"}]`}, c.patches)
	require.Equal(t, "3 objects of prod, 1 of them with a manager of an earlier life, which is gone now\n", out.String())
}

// An object that the stack of today has not applied would belong to nobody.
func TestWhatIsNotTakenOverIsLeftAlone(t *testing.T) {
	c := &cluster{state: state, objects: map[string]string{
		"Namespace":          owned(`{"manager":"pulumi-kubernetes-dead","operation":"Apply"}`),
		"Deployment.v1.apps": owned(`{"manager":"pulumi-kubernetes-dead","operation":"Apply"},{"manager":"pulumi-kubernetes-beef","operation":"Update"}`),
	}}
	err := adopt(t.Context(), "prod", "", c.call, &strings.Builder{})
	require.ErrorContains(t, err, "Namespace shop: scalestack, which the state names, has not applied it: run pulumi up first")
	require.ErrorContains(t, err, "Deployment shop/app: pulumi-kubernetes-beef, which")
	require.ErrorContains(t, err, "Kafka shop/kafka: NotFound")
	require.Empty(t, c.patches)
}

func TestAStateWithoutObjectsIsRefused(t *testing.T) {
	for _, text := range []string{`{}`, `{"deployment":null}`, `{"deployment":{"resources":[{"type":"pulumi:pulumi:Stack"}]}}`} {
		err := adopt(t.Context(), "prod", "", (&cluster{state: text}).call, &strings.Builder{})
		require.EqualError(t, err, "the state holds no object of Kubernetes: run pulumi up first")
	}
	require.Error(t, adopt(t.Context(), "prod", "", (&cluster{state: "?"}).call, &strings.Builder{}))
}
