package main

import "github.com/scalestack/scalestack/policies/rule"

const redis = "Deployment redis"

// containerMutations break what each container must have.
var containerMutations = map[string]mutation{
	"no CPU request":         {policy: "container-resources", says: "requests.cpu is not set", edits: edits(unset(web, main0+"resources.requests.cpu"))},
	"no memory request":      {policy: "container-resources", says: "requests.memory is not set", edits: edits(unset(web, main0+"resources.requests.memory"))},
	"no memory limit":        {policy: "container-resources", says: "limits.memory is not set", edits: edits(unset(redis, main0+"resources.limits.memory"))},
	"no CPU limit":           {policy: "container-resources", says: "limits.cpu is not set", edits: edits(unset(redis, main0+"resources.limits.cpu"))},
	"limit below request":    {policy: "container-resources", says: `requests.cpu is "99", allowed: up to the limit`, edits: edits(set(redis, main0+"resources.requests.cpu", "99"))},
	"no quantity":            {policy: "container-resources", says: `limits.memory is "lots"`, edits: edits(set(redis, main0+"resources.limits.memory", "lots"))},
	"init without resources": {policy: "container-resources", says: "initContainers[0].resources.requests.cpu", edits: edits(unset(db, init0+"resources"))},

	"no readiness":   {policy: "container-probes", says: "readinessProbe is not set", edits: edits(unset(redis, main0+"readinessProbe"))},
	"no liveness":    {policy: "container-probes", says: "livenessProbe is not set", edits: edits(unset(db, main0+"livenessProbe"))},
	"empty liveness": {policy: "container-probes", says: "livenessProbe is not set", edits: edits(set(web, main0+"livenessProbe", map[string]any{"periodSeconds": 5.0}))},

	"writable files": {policy: "container-read-only-root", says: "readOnlyRootFilesystem is false", edits: edits(set(redis, main0+"securityContext.readOnlyRootFilesystem", false))},

	"latest":            {policy: "image-pinned", only: "dev", says: `image is "postgres:latest"`, edits: edits(set(db, main0+"image", "postgres:latest"))},
	"no tag":            {policy: "image-pinned", only: "staging", says: `image is "registry:5000/redis"`, edits: edits(set(redis, main0+"image", "registry:5000/redis"))},
	"init without tag":  {policy: "image-pinned", only: "dev", says: "initContainers[0].image", edits: edits(set(db, init0+"image", "postgres"))},
	"no image":          {policy: "image-pinned", only: "dev", says: "image is not set", edits: edits(unset(redis, main0+"image"))},
	"tag in production": {policy: "image-digest", only: "prod", says: `image is "scalestack/users:0.1.0", allowed: name:tag@sha256:`, edits: edits(set(web, main0+"image", "scalestack/users:0.1.0"))},
	"short digest":      {policy: "image-digest", only: "prod", says: "redis:7.2.4@sha256:0f", edits: edits(set(redis, main0+"image", "redis:7.2.4@sha256:0f"))},
	"init by tag":       {policy: "image-digest", only: "prod", says: "initContainers[0].image", edits: edits(set(db, init0+"image", "postgres:16.2"))},
	"digest asked in staging": {policy: "image-digest", only: "staging", says: `image is "redis:7.2.4"`,
		config: map[string]any{"stacks": []any{"staging"}, "except": []any{"postgres", "scalestack/users", "scalestack/shardctl"}}},

	"password in env":       {policy: "plain-secret", says: "env[0].value is the value of something called DB_PASSWORD", edits: edits(set(redis, main0+"env", []any{env("DB_PASSWORD", "x9")}))},
	"password in a URL":     {policy: "plain-secret", says: "is a password in a URL", edits: edits(set(redis, main0+"env", []any{env("DATABASE", "postgres://app:hunter2@db/shop")}))},
	"AWS key in env":        {policy: "plain-secret", says: "is an AWS access key", edits: edits(set(redis, main0+"env", []any{env("WHO", "AKIAABCDEFGHIJKLMNOP")}))},
	"Pulumi secret in env":  {policy: "plain-secret", says: "is a secret of Pulumi's in plain text", edits: edits(set(redis, main0+"env", []any{env("WHAT", rule.Secret{Value: "hidden"})}))},
	"token in an argument":  {policy: "plain-secret", says: "args[1] is an assignment of a secret", edits: edits(set(web, main0+"args", []any{"serve", "--token=0123456789"}))},
	"password as next word": {policy: "plain-secret", says: "args[2] is the value of something called password", edits: edits(set(web, main0+"args", []any{"serve", "--password", "x9"}))},
	"password in a command": {policy: "plain-secret", says: "command[2] is an assignment of a secret", edits: edits(set(redis, main0+"command[2]", "--requirepass hunter22"))},
	"password in a probe":   {policy: "plain-secret", says: "livenessProbe.exec.command[2]", edits: edits(set(redis, main0+"livenessProbe.exec.command", []any{"redis-cli", "--password", "x9"}))},
	"password in a ConfigMap": {policy: "plain-secret", says: `ConfigMap scalestack/redis-config: data["redis.conf"] is an assignment of a secret`,
		edits: edits(replace("ConfigMap redis-config", `data["redis.conf"]`, "appendonly no", "requirepass hunter22"))},
	"key in a ConfigMap": {policy: "plain-secret", says: `data["tls.key"] is a private key`,
		edits: edits(set("ConfigMap redis-config", `data["tls.key"]`, "-----BEGIN EC PRIVATE KEY-----\nabc\n"))},
	"token in a ConfigMap": {policy: "plain-secret", says: "data.apiToken is the value of something called apiToken",
		edits: edits(set("ConfigMap redis-config", "data.apiToken", "x9"))},
}
