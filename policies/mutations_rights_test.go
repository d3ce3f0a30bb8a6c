package main

const rbacAPI = "kubernetes:rbac.authorization.k8s.io/v1:"

// binding is one of an account to a role of the cluster.
func binding(role, kind, subject string) map[string]any {
	return map[string]any{
		"roleRef":  map[string]any{"kind": "ClusterRole", "name": role},
		"subjects": []any{map[string]any{"kind": kind, "name": subject, "namespace": "scalestack"}},
	}
}

// rights are a role with one rule, given as pairs of a field and its only item.
func rights(pairs ...string) map[string]any {
	one := map[string]any{"apiGroups": []any{"x"}, "resources": []any{"y"}, "verbs": []any{"get"}}
	for i := 0; i < len(pairs); i += 2 {
		one[pairs[i]] = []any{pairs[i+1]}
	}
	return map[string]any{"rules": []any{one}}
}

// rightsMutations give more rights than needed.
var rightsMutations = map[string]mutation{
	"all rights":                  {policy: "rbac-bindings", says: `roleRef.name is "cluster-admin"`, edits: edits(declareAs(rbacAPI+"ClusterRoleBinding", binding("cluster-admin", "ServiceAccount", "app")))},
	"all rights in the namespace": {policy: "rbac-bindings", says: `roleRef.name is "edit"`, edits: edits(declareAs(rbacAPI+"RoleBinding", binding("edit", "ServiceAccount", "app")))},
	"rights for every pod":        {policy: "rbac-bindings", says: `subjects[0].name is "default"`, edits: edits(declareAs(rbacAPI+"RoleBinding", binding("view", "ServiceAccount", "default")))},
	"rights for strangers":        {policy: "rbac-bindings", says: `is "system:unauthenticated"`, edits: edits(declareAs(rbacAPI+"ClusterRoleBinding", binding("view", "Group", "system:unauthenticated")))},
	"rights for all accounts":     {policy: "rbac-bindings", says: `is "system:serviceaccounts:x"`, edits: edits(declareAs(rbacAPI+"ClusterRoleBinding", binding("view", "Group", "system:serviceaccounts:x")))},

	"superuser's Secret": {policy: "superuser-local", says: `volumes[0].secret.secretName is "postgres-shard-0-admin"`, edits: edits(
		set(web, pods+"volumes[0]", map[string]any{"name": "shard-map", "secret": map[string]any{"secretName": "postgres-shard-0-admin"}}))},
	"superuser's password": {policy: "superuser-local", says: `sources[0].secret.name is "postgres-shard-0-admin"`, edits: edits(
		set("Job shards-migrate-*", pods+"volumes[1].projected.sources[0].secret.items[0].key", "password"))},
	"superuser's password of before": {policy: "superuser-local", says: "Job scalestack/postgres-rollout", edits: edits(
		set("Job postgres-rollout-*", pods+"volumes[2]", map[string]any{"name": "shard-0", "secret": map[string]any{
			"secretName": "postgres-shard-0-admin", "items": []any{map[string]any{"key": "former", "path": "password"}}}}))},
	"superuser of another shard": {policy: "superuser-local", says: `is "postgres-shard-1-admin"`, edits: edits(
		set(db, pods+"volumes[2].secret.secretName", "postgres-shard-1-admin"))},
	"superuser as a variable": {policy: "superuser-local", says: `secretKeyRef.name is "postgres-shard-0-admin"`, edits: edits(
		set(web, main0+"env", []any{map[string]any{"name": "PGPASSWORD", "valueFrom": map[string]any{
			"secretKeyRef": map[string]any{"name": "postgres-shard-0-admin", "key": "password"}}}}))},

	"every verb":               {policy: "rbac-rights", says: `verbs[0] is "*"`, edits: edits(declareAs(rbacAPI+"Role", rights("verbs", "*")))},
	"every resource":           {policy: "rbac-rights", says: `resources[0] is "*"`, edits: edits(declareAs(rbacAPI+"ClusterRole", rights("resources", "*")))},
	"every subresource":        {policy: "rbac-rights", says: `resources[0] is "*/scale"`, edits: edits(declareAs(rbacAPI+"Role", rights("resources", "*/scale")))},
	"Secrets listed":           {policy: "rbac-rights", says: "is list of secrets", edits: edits(declareAs(rbacAPI+"Role", rights("resources", "secrets", "verbs", "list", "resourceNames", "a")))},
	"any Secret read":          {policy: "rbac-rights", says: "is get of secrets, allowed: Secrets that resourceNames names", edits: edits(declareAs(rbacAPI+"Role", rights("resources", "secrets")))},
	"pods entered":             {policy: "rbac-rights", says: "is create of pods/exec", edits: edits(declareAs(rbacAPI+"Role", rights("resources", "pods/exec", "verbs", "create")))},
	"pods started":             {policy: "rbac-rights", says: "is create of jobs", edits: edits(declareAs(rbacAPI+"Role", rights("resources", "jobs", "verbs", "create")))},
	"acting as another":        {policy: "rbac-rights", says: "is impersonate of users", edits: edits(declareAs(rbacAPI+"ClusterRole", rights("resources", "users", "verbs", "impersonate")))},
	"tokens of others":         {policy: "rbac-rights", says: "is create of serviceaccounts/token", edits: edits(declareAs(rbacAPI+"Role", rights("resources", "serviceaccounts/token", "verbs", "create")))},
	"rights by others' labels": {policy: "rbac-rights", says: "aggregationRule is set", edits: edits(declareAs(rbacAPI+"ClusterRole", map[string]any{"aggregationRule": map[string]any{}}))},
}
