package app_test

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/app"
)

// A web service that migrates its databases before each rollout, and a consumer
// of its events that scales on the group's lag.
func Example() {
	program := func(ctx *pulumi.Context) error {
		shards := []app.Target{{
			Peer: app.Peer{Pods: map[string]string{"app.kubernetes.io/name": "postgres"}},
			Port: 5432,
		}}
		web, err := app.New(ctx, "web", &app.Args{
			Image:   "example/shop:1.4",
			Args:    []string{"serve"},
			Port:    8080,
			Mounts:  []app.Mount{{Name: "db", Path: "/etc/db", Secret: pulumi.String("db-app")}},
			Callers: []app.Peer{{Namespaces: map[string]string{"kubernetes.io/metadata.name": "ingress"}}},
			Targets: shards,
			Migration: &app.Job{
				Args:    []string{"migrate"},
				Mounts:  []app.Mount{{Name: "db", Path: "/etc/db", Secret: pulumi.String("db-admin")}},
				Targets: shards,
			},
		})
		if err != nil {
			return err
		}
		_, err = app.New(ctx, "mailer", &app.Args{
			Image:    "example/shop:1.4",
			Args:     []string{"mail"},
			Replicas: app.Replicas{Min: 3, Max: 12},
			Metrics: []app.Metric{{
				Kind:    app.ExternalMetric,
				Name:    "kafka_consumergroup_lag",
				Labels:  map[string]string{"consumergroup": "email"},
				Average: "100",
			}},
		})
		ctx.Export("url", web.URL)
		return err
	}
	pulumi.Run(program)
}
