package rule

import (
	"slices"
	"strings"
)

// mergedLists are the lists of which the API server merges a patch's items with those of the
// object, and the fields that tell the items apart. Any other list of a patch replaces the
// object's.
var mergedLists = map[string][]string{
	"containers": {"name"}, "initContainers": {"name"}, "ephemeralContainers": {"name"}, "volumes": {"name"},
	"env": {"name"}, "listeners": {"name"}, "imagePullSecrets": {"name"}, "secrets": {"name"},
	"volumeMounts": {"mountPath"}, "volumeDevices": {"devicePath"}, "hostAliases": {"ip"}, "ports": {"containerPort", "port", "protocol"},
	"topologySpreadConstraints": {"topologyKey", "whenUnsatisfiable"},
}

// wholeObjects are the objects that a patch replaces as a whole.
var wholeObjects = []string{"selector", "podSelector", "namespaceSelector", "labelSelector", "roleRef", "nodeSelector"}

// Whole is true for an object of this name that a patch replaces as a whole.
func Whole(name string) bool { return slices.Contains(wholeObjects, name) }

// ItemKey tells the items of a list of this name apart where a patch merges them; merged is
// false where it replaces the list.
func ItemKey(list string, item any) (key string, merged bool) {
	object, _ := bare(item).(map[string]any)
	for _, field := range mergedLists[list] {
		value, ok := object[field]
		if !ok && field == "protocol" {
			value, ok = "TCP", true
		}
		if ok {
			key += NewNode(value).String() + "/"
		}
	}
	return key, key != "" && key != NewNode("TCP").String()+"/"
}

func allMerged(list string, items []any) bool {
	return !slices.ContainsFunc(items, func(item any) bool { _, merged := ItemKey(list, item); return !merged })
}

func bare(value any) any {
	for {
		hidden, ok := value.(Secret)
		if !ok {
			return value
		}
		value = hidden.Value
	}
}

// Patched is the graph as the cluster will see it: each Patch of an object of the stack is
// merged into that object. A Patch of any other object stays as it is.
func (g Graph) Patched() Graph {
	if !slices.ContainsFunc(g, Resource.Patch) {
		return g
	}
	merged := slices.DeleteFunc(slices.Clone(g), Resource.Patch)
	at := map[string]int{}
	for i, r := range slices.Backward(merged) {
		if key, known := r.Object(); known {
			at[key] = i
		}
	}
	for _, r := range g {
		key, _ := r.Object()
		switch i, own := at[key]; {
		case !r.Patch():
		case own:
			merged[i].Properties, _ = merge("", merged[i].Properties, r.identified()).(map[string]any)
		default:
			merged = append(merged, r)
		}
	}
	return merged
}

// identified leaves out what says of which kind the object is: the Patch may use another
// version of the API.
func (r Resource) identified() map[string]any {
	rest := map[string]any{}
	for key, value := range r.Properties {
		if key != "apiVersion" && key != "kind" {
			rest[key] = value
		}
	}
	return rest
}

func merge(name string, base, patch any) any {
	if hidden, ok := base.(Secret); ok {
		return Secret{merge(name, hidden.Value, patch)}
	}
	if hidden, ok := patch.(Secret); ok {
		return Secret{merge(name, base, hidden.Value)}
	}
	switch patch := patch.(type) {
	case map[string]any:
		if object, ok := base.(map[string]any); ok && !Whole(name) {
			return mergeObjects(object, patch)
		}
		if _, unknown := base.(Unknown); unknown {
			return base
		}
	case []any:
		if list, ok := base.([]any); ok && allMerged(name, list) && allMerged(name, patch) {
			return mergeItems(name, list, patch)
		}
	}
	return patch
}

func mergeObjects(base, patch map[string]any) map[string]any {
	merged := map[string]any{}
	for key, value := range base {
		merged[key] = value
	}
	for key, value := range patch {
		merged[key] = merge(key, base[key], value)
	}
	return merged
}

func mergeItems(name string, base, patch []any) []any {
	merged := slices.Clone(base)
	for _, item := range patch {
		key, _ := ItemKey(name, item)
		i := slices.IndexFunc(merged, func(other any) bool { same, _ := ItemKey(name, other); return same == key })
		if i < 0 {
			merged = append(merged, item)
			continue
		}
		merged[i] = merge("", merged[i], item)
	}
	return merged
}

// lastKey is the name of the field that a path ends with.
func lastKey(path string) string { return path[strings.LastIndex(path, ".")+1:] }
