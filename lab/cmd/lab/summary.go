package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/scalestack/scalestack/lab/internal/cluster"
	"github.com/scalestack/scalestack/lab/internal/deploy"
)

// summary ends make up: what the stack says about itself, and how to go on.
func (u *up) summary(ctx context.Context) {
	out := u.outputs
	fmt.Printf("\nstack dev is up after %s\n\n", u.Elapsed().Round(time.Second))
	row("namespace", out.Namespace)
	for _, name := range slices.Sorted(maps.Keys(out.Services)) {
		row(name, out.Services[name])
	}
	for _, shard := range out.Shards {
		row(shard.Name, shard.Host)
	}
	row("redisAddress", out.RedisAddress)
	row("kafkaBootstrap", out.KafkaBootstrap)
	row("cdnRules", strings.Join(refs(out), ", "))
	row("shardMap", "ConfigMap "+out.ShardMap.ConfigMap)
	fmt.Println()
	u.emulators(ctx)
	fmt.Printf(`
look        http://%[5]s/ shows users, moves, requests, events and pods live
try it      curl -X PUT http://%[1]s/users/42 -d '{"name":"Ada","email":"ada@example.com"}'
            curl -i http://%[1]s/users/42
edge        http://%[1]s/ answers as Cloudflare would; http://%[3]s/ is the service itself
metrics     http://%[4]s/vmui/ graphs what the programs tell; /targets shows who is asked
by hand     . .lab/env     then pulumi preview, pulumi stack output, kubectl get pods -n %[2]s
logs        .lab/logs/
stop        make down      keeps the data; make clean deletes it

time per step
`, cluster.Edge, out.Namespace, u.app, cluster.Metrics, cluster.Page)
	u.Times()
}

func row(name, value string) { fmt.Printf("  %-15s %s\n", name, value) }

func refs(out deploy.Outputs) []string {
	var all []string
	for _, rule := range out.CDNRules {
		all = append(all, rule.Ref)
	}
	return all
}

// emulators says where the lab differs from a real environment.
func (u *up) emulators(ctx context.Context) {
	fmt.Println("emulated in the lab; the stack is the same as for a real environment")
	row("cloudflare", "no real zone: the provider writes to .lab/data/cloudflare/, the edge applies what it reads there")
	row("random", "Pulumi's random provider, with real randomness")
	row("pulumi-language", "Pulumi's language host for Go")
	row("kafka", "the Strimzi operator; its resource definitions and Kafka are real")
	row("mail", "an SMTP server on "+cluster.Mail+" that delivers nothing; http://"+cluster.MailView+"/messages/count shows what it got")
	if err := cluster.PoliciesObeyed(ctx, u.nodes); err != nil {
		row("network policy", "not obeyed: "+err.Error())
	}
	for _, image := range u.images {
		if image.Substitute != "" {
			row(image.Ref, image.Substitute)
		}
	}
}
