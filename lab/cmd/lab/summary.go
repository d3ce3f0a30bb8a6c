package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/scalestack/scalestack/lab/internal/cluster"
	"github.com/scalestack/scalestack/lab/internal/deploy"
)

// summary ends make up: what the stack says about itself, and how to go on.
func (u *up) summary() {
	out := u.outputs
	fmt.Printf("\nstack dev is up after %s\n\n", u.Elapsed().Round(time.Second))
	row("namespace", out.Namespace)
	row("appUrl", out.AppURL)
	for _, shard := range out.Shards {
		row(shard.Name, shard.Host)
	}
	row("redisAddress", out.RedisAddress)
	row("kafkaBootstrap", out.KafkaBootstrap)
	row("cdnRules", strings.Join(refs(out), ", "))
	row("shardMap", "pulumi stack output shardMap")
	fmt.Println()
	u.standIns()
	fmt.Printf(`
try it      curl -X PUT http://%[1]s/users/42 -d '{"name":"Ada","email":"ada@example.com"}'
            curl -i http://%[1]s/users/42
edge        http://%[1]s/ answers as Cloudflare would; http://%[3]s/ is the app itself
by hand     . .lab/env     then pulumi preview, pulumi stack output, kubectl get pods -n %[2]s
logs        .lab/logs/
stop        make down      data stays; make clean deletes it
`, cluster.Edge, out.Namespace, u.app)
}

func row(name, value string) { fmt.Printf("  %-15s %s\n", name, value) }

func refs(out deploy.Outputs) []string {
	var all []string
	for _, rule := range out.CDNRules {
		all = append(all, rule.Ref)
	}
	return all
}

// standIns says where the lab is not the real thing.
func (u *up) standIns() {
	fmt.Println("stand-ins of the lab; the program does not know them")
	row("cloudflare", "no real zone: an API that writes to .lab/data/cloudflare/, and an edge that obeys it")
	row("random", "Pulumi's provider plugin, with real randomness")
	row("pulumi-language", "Pulumi's host for Go programs")
	row("kafka", "Strimzi's real resource definitions and real Kafka; the operator is an emulator")
	row("mail", "no mail is delivered: an SMTP server on "+cluster.Mail+" that keeps them, shown on http://"+cluster.MailView+"/messages/count")
	row("network policy", "the lab's network does not enforce NetworkPolicies")
	for _, image := range u.images {
		if image.StandIn != "" {
			row(image.Ref, image.StandIn)
		}
	}
}
