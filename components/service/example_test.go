package service_test

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/job"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/service"
)

// A web service that migrates its databases before each rollout, and a consumer
// of its events that scales on the group's lag.
func Example() {
	program := func(ctx *pulumi.Context) error {
		shards := []k8s.Target{{
			Peer: k8s.Peer{Pods: pulumi.StringMap{"app.kubernetes.io/name": pulumi.String("postgres")}},
			Port: 5432,
		}}
		web, err := service.New(ctx, "web", &service.Args{
			Image:       pulumi.String("example/shop:1.4"),
			Args:        []string{"serve"},
			Port:        8080,
			Mounts:      []k8s.Mount{{Name: "db", Path: "/etc/db", Secret: pulumi.String("db-app")}},
			IngressFrom: []k8s.Peer{{Namespaces: pulumi.StringMap{"kubernetes.io/metadata.name": pulumi.String("ingress")}}},
			EgressTo:    shards,
			Migration: &job.Args{
				Args:     []string{"migrate"},
				Mounts:   []k8s.Mount{{Name: "db", Path: "/etc/db", Secret: pulumi.String("db-admin")}},
				EgressTo: shards,
			},
		})
		if err != nil {
			return err
		}
		_, err = service.New(ctx, "mailer", &service.Args{
			Image:    pulumi.String("example/shop:1.4"),
			Args:     []string{"mail"},
			Replicas: service.Replicas{Min: 3, Max: 12},
			Metrics: []service.Metric{{
				Kind:    service.ExternalMetric,
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
