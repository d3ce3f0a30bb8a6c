package gateway

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

const (
	group      = "gateway.networking.k8s.io"
	apiVersion = group + "/v1"
	// listenerName and redirectName are those of an own Gateway's listeners.
	listenerName = "https"
	redirectName = "http"
	// redirectSuffix is behind the component's name in that of the route that redirects.
	redirectSuffix = "-redirect"
	// issuerAnnotation asks cert-manager for the certificate of a Gateway's listeners.
	issuerAnnotation = "cert-manager.io/cluster-issuer"
)

// object and list are values of fields without a Go type.
type (
	object = map[string]any
	list   = []any
)

// Defaults of the API are written out: what the server adds to a list that it treats
// as one value would be drift.

// ownGateway serves the host by HTTPS. Routes of other namespaces may not use its name.
func ownGateway(name string, a *Args) kubernetes.UntypedArgs {
	listeners := list{object{
		"name": listenerName, "port": a.Own.Port, "protocol": "HTTPS", "hostname": a.Host,
		"tls":           object{"mode": "Terminate", "certificateRefs": list{object{"group": "", "kind": "Secret", "name": a.Own.Secret}}},
		"allowedRoutes": sameNamespace(),
	}}
	if a.Own.RedirectPort != 0 {
		listeners = append(listeners, object{
			"name": redirectName, "port": a.Own.RedirectPort, "protocol": "HTTP", "hostname": a.Host, "allowedRoutes": sameNamespace(),
		})
	}
	waits := []string{ready("Accepted"), ready("Programmed"), listenerReady(listenerName)}
	if a.Record != nil && !kube.Given(a.Record.Target) {
		waits = append(waits, "{.status.addresses[0].value}")
	}
	meta := awaited(name, a, waits)
	if a.Own.Issuer != "" {
		meta.Annotations.(pulumi.StringMap)[issuerAnnotation] = pulumi.String(a.Own.Issuer)
	}
	return untyped("Gateway", meta, object{"gatewayClassName": a.Own.Class, "listeners": listeners})
}

func sameNamespace() object {
	return object{"namespaces": object{"from": "Same"}, "kinds": list{object{"group": group, "kind": "HTTPRoute"}}}
}

// route leads the host to the service.
func route(name string, a *Args) kubernetes.UntypedArgs {
	gateway, namespace, listener := a.parent(name)
	return untyped("HTTPRoute", awaited(name, a, attached(gateway, listener)), object{
		"parentRefs": parents(gateway, namespace, listener),
		"hostnames":  list{a.Host},
		"rules": list{object{
			"matches": everyPath(),
			"backendRefs": list{object{
				"group": "", "kind": "Service", "name": a.Origin.Service, "port": a.Origin.ServicePort, "weight": 1,
			}},
		}},
	})
}

// redirect sends everybody to https. It leads to no service.
func redirect(name string, a *Args) kubernetes.UntypedArgs {
	return untyped("HTTPRoute", awaited(name+redirectSuffix, a, attached(name, redirectName)), object{
		"parentRefs": parents(name, a.Namespace, redirectName),
		"hostnames":  list{a.Host},
		"rules": list{object{
			"matches": everyPath(),
			"filters": list{object{"type": "RequestRedirect", "requestRedirect": object{"scheme": "https", "statusCode": 301}}},
		}},
	})
}

func everyPath() list { return list{object{"path": object{"type": "PathPrefix", "value": "/"}}} }

func parents(gateway string, namespace pulumi.StringInput, listener string) list {
	return list{object{"group": group, "kind": "Gateway", "name": gateway, "namespace": namespace, "sectionName": listener}}
}

func untyped(kind string, meta *metav1.ObjectMetaArgs, spec object) kubernetes.UntypedArgs {
	return kubernetes.UntypedArgs{"apiVersion": pulumi.String(apiVersion), "kind": pulumi.String(kind), "metadata": meta, "spec": spec}
}

// awaited is the metadata of an object for which a deployment waits.
func awaited(name string, a *Args, paths []string) *metav1.ObjectMetaArgs {
	labels := kube.Labels{Name: name, Instance: name}
	meta := labels.Meta(name, a.Namespace)
	annotations := kube.AwaitFor(a.TimeoutSeconds)
	annotations["pulumi.com/waitFor"] = pulumi.String(`["jsonpath=` + strings.Join(paths, `","jsonpath=`) + `"]`)
	meta.Annotations = annotations
	return meta
}

// The paths select a condition that is true and of the object's present version: after
// a change the conditions of the former one are still there. The provider's parser
// takes no space before the second && of a filter.

func isTrue(condition string) string {
	return fmt.Sprintf("[?@.type=='%s'&&@.status=='True'&&@.observedGeneration==$.metadata.generation]", condition)
}

func ready(condition string) string { return "{.status.conditions" + isTrue(condition) + "}" }

// listenerReady holds once the listener has its certificate.
func listenerReady(listener string) string {
	return fmt.Sprintf("{.status.listeners[?@.name=='%s'].conditions%s}", listener, isTrue("ResolvedRefs"))
}

// attached holds once the Gateway has taken the route and found the service.
func attached(gateway, listener string) []string {
	parent := fmt.Sprintf("{.status.parents[?@.parentRef.name=='%s'&&@.parentRef.sectionName=='%s'].conditions", gateway, listener)
	return []string{parent + isTrue("Accepted") + "}", parent + isTrue("ResolvedRefs") + "}"}
}
