package main

// visibleMutations bring objects past all other policies.
var visibleMutations = map[string]mutation{
	"release of Helm":        {policy: "content-visible", says: "installed by Helm", edits: edits(declare("kubernetes:helm.sh/v3:Release", nil))},
	"list of pods":           {policy: "content-visible", says: "a list of objects", edits: edits(declareAs("kubernetes:core/v1:PodList", map[string]any{"items": []any{map[string]any{}}}))},
	"list of anything":       {policy: "content-visible", says: "a list of objects", edits: edits(declareAs("kubernetes:v1:List", map[string]any{"items": []any{map[string]any{}}}))},
	"application of Argo CD": {policy: "content-visible", says: "an order to an operator", edits: edits(declare("kubernetes:argoproj.io/v1alpha1:Application", nil))},
	"values of k3s' charts":  {policy: "content-visible", says: "an order to an operator", edits: edits(declare("kubernetes:helm.cattle.io/v1:HelmChartConfig", nil))},
	"repository of Fleet":    {policy: "content-visible", says: "an order to an operator", edits: edits(declare("kubernetes:fleet.cattle.io/v1alpha1:GitRepo", nil))},
	"object of Crossplane":   {policy: "content-visible", says: "an order to an operator", edits: edits(declare("kubernetes:kubernetes.crossplane.io/v1alpha2:Object", nil))},
	"pod called ConfigMap": {policy: "content-visible", says: `is "v1" and "Pod", allowed: those of its type`, edits: edits(
		declareAs("kubernetes:core/v1:ConfigMap", map[string]any{"apiVersion": "v1", "kind": "Pod"}))},
}
