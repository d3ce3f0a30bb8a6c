package service

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/job"
)

// The names of a service's Jobs, behind its own.
const (
	migrationName   = "migrate"
	postRolloutName = "rollout"
	// longestSuffix is what a component's name must leave room for.
	longestSuffix = "-" + migrationName + job.LongestSuffix
)

// jobLabels differ from the service's, or its Service and disruption budget would
// select the Job's pod.
func jobLabels(name, of string) kube.Labels {
	return kube.Labels{Name: name, Instance: name + "-" + of}
}

// MigrationName begins the names of the objects of the service's migration.
func MigrationName(name string) string { return name + "-" + migrationName }

// MigrationLabels select the pods of the service's migration, for others' network
// policies.
func MigrationLabels(name string) pulumi.StringMap { return jobLabels(name, migrationName).Selector() }

// Others are the names of a service's objects, beside its own, that a service could have.
func (a *Args) Others(name string) []string {
	var others []string
	if a.Migration != nil {
		others = append(others, MigrationName(name))
	}
	if a.PostRollout != nil {
		others = append(others, name+"-"+postRolloutName)
	}
	if a.Triggers != nil {
		others = append(others, madeByKEDA+name)
	}
	return others
}

// PostRolloutLabels select the pods of the Job after a rollout.
func PostRolloutLabels(name string) pulumi.StringMap {
	return jobLabels(name, postRolloutName).Selector()
}

func (a *Args) ownerOf(name, of string) job.Owner {
	l := jobLabels(name, of)
	l.PartOf = a.PartOf
	return job.Owner{Name: name + "-" + of, Labels: l, ServiceAccount: name, Container: of}
}

// migration holds up everything that changes pods.
func (r *registrar) migration() error {
	if r.args.Migration == nil {
		return nil
	}
	made, err := job.Register(r.ctx, r.args.ownerOf(r.name, migrationName), r.args.Migration.Inherit(r.args.inherited()), r.parent,
		pulumi.DependsOn(r.before))
	r.before = append(r.before, made)
	return err
}

// postRollout may run for hours, which no deployment waits for.
func (r *registrar) postRollout() error {
	if r.args.PostRollout == nil {
		return nil
	}
	_, err := job.Register(r.ctx, r.args.ownerOf(r.name, postRolloutName), r.args.PostRollout.Inherit(r.args.inherited()), r.parent,
		pulumi.DependsOn(r.before), r.after)
	return err
}
