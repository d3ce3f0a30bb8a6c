package main

import (
	"errors"
	"reflect"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/cdn"
	"github.com/scalestack/scalestack/components/gateway"
	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/namespace"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/redis"
	"github.com/scalestack/scalestack/components/secrets"
	"github.com/scalestack/scalestack/components/service"
	"github.com/scalestack/scalestack/components/tunnel"
	"github.com/scalestack/scalestack/internal/settings"
)

// component is one that other languages have.
type component struct {
	// args and made are the structs that describe it.
	args, made reflect.Type
	// construct registers it with the inputs of a program: plain values, and a
	// pulumi.Output for each that is known only during the deployment.
	construct func(ctx *pulumi.Context, name string, inputs map[string]any, opts ...pulumi.ResourceOption) (pulumi.ComponentResource, error)
}

var components = map[string]component{
	"scalestack:cdn:CDN":             from(cdn.New),
	"scalestack:gateway:Gateway":     from(gateway.New),
	"scalestack:kafka:Kafka":         from(kafka.New),
	"scalestack:namespace:Namespace": from(namespace.New),
	"scalestack:postgres:Postgres":   from(postgres.New),
	"scalestack:redis:Redis":         from(redis.New),
	"scalestack:secrets:Secrets":     from(secrets.New),
	"scalestack:service:Service":     from(service.New),
	"scalestack:tunnel:Tunnel":       from(tunnel.New),
}

// constructor is New of a component's package.
type constructor[A, C any] = func(*pulumi.Context, string, A, ...pulumi.ResourceOption) (C, error)

func from[T any, A interface {
	*T
	Validate() error
}, C pulumi.ComponentResource](construct constructor[A, C]) component {
	return component{
		args: reflect.TypeFor[T](),
		made: reflect.TypeFor[C]().Elem(),
		construct: func(ctx *pulumi.Context, name string, inputs map[string]any, opts ...pulumi.ResourceOption) (pulumi.ComponentResource, error) {
			args := A(new(T))
			if errs := settings.DecodeInputs(nil, inputs, args); len(errs) > 0 {
				return nil, settings.Err(append(errs, elsewhere(errs, args.Validate())...))
			}
			return construct(ctx, name, args, opts...)
		},
	}
}

// elsewhere are the mistakes in other inputs than those that could not be read: what a
// wrong value was meant to be is not known.
func elsewhere(unread field.ErrorList, err error) field.ErrorList {
	doubtful := map[string]bool{}
	for _, one := range unread {
		doubtful[input(one)] = true
	}
	var errs field.ErrorList
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) {
		return nil
	}
	for _, one := range all.Unwrap() {
		var mistake *field.Error
		if errors.As(one, &mistake) && !doubtful[input(mistake)] {
			errs = append(errs, mistake)
		}
	}
	return errs
}

// input is the top-level input of a mistake's path.
func input(err *field.Error) string {
	end := strings.IndexAny(err.Field, ".[")
	if end < 0 {
		return err.Field
	}
	return err.Field[:end]
}
