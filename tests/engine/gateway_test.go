package engine

import (
	"context"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/gateway"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/service"
)

// routed is a service and, if asked, its place at a gateway.
func routed(asked *bool, status gateway.StatusFunc) func() pulumi.RunFunc {
	return func() pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			args := &service.Args{Namespace: pulumi.String("shop"), Image: pulumi.String("example/shop:1"), Port: 8080}
			if *asked {
				args.IngressFrom = []k8s.Peer{{Namespaces: pulumi.StringMap{"kubernetes.io/metadata.name": pulumi.String("gateways")}}}
			}
			web, err := service.New(ctx, "web", args)
			if err != nil || !*asked {
				return err
			}
			_, err = gateway.New(ctx, "gateway", &gateway.Args{
				Namespace: pulumi.String("shop"), Host: pulumi.String("www.example.com"), Status: status,
				Parent: &gateway.Parent{Name: "public", Namespace: "gateways", Listener: "https"},
				Origin: gateway.Origin{Service: web.Name, ServicePort: 80},
			})
			return err
		}
	}
}

// A running service is put behind a gateway, and taken away from it, by its policy alone.
func TestAGatewayChangesOnePolicy(t *testing.T) {
	asked := false
	r := newRig(t, routed(&asked, nil))
	r.mustRun(update)

	asked = true
	r.mustRun(update)
	require.ElementsMatch(t, []string{"update NetworkPolicy web-policy", "create HTTPRoute gateway-route"}, r.done)
	r.mustRun(update)
	require.Empty(t, r.done, "a second deployment changes nothing")

	asked = false
	r.mustRun(update)
	require.ElementsMatch(t, []string{"update NetworkPolicy web-policy", "delete HTTPRoute gateway-route"}, r.done)
}

// A route that the gateway does not take fails the deployment, and the gateway is asked
// why, once. The rig has no log in which the words could be read. The next deployment
// waits again.
func TestTheGatewayIsAskedWhyItRefuses(t *testing.T) {
	asked, questions := true, []string{}
	r := newRig(t, routed(&asked, func(_ context.Context, resource, namespace, name string) (map[string]any, error) {
		questions = append(questions, resource+" "+namespace+"/"+name)
		return nil, nil
	}))
	r.unready = "HTTPRoute"
	_, err := r.run(update, false)
	require.Error(t, err)
	require.Equal(t, []string{"httproutes shop/gateway"}, questions)
	r.unready = ""
	r.mustRun(update)
	// What the failure kept from beginning is made as well.
	require.Contains(t, r.done, "update HTTPRoute gateway-route")
	require.Len(t, questions, 1)
}
