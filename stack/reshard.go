package stack

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/scalestack/scalestack/components/app"
	"github.com/scalestack/scalestack/components/postgres"
)

// Names of the Jobs that work on the shards, and of the commands
// that they run: the service's migrate, which runs the engine's first, and
// shardctl's reshard.
//
// migrate comes before the app: it makes databases into shards, and refuses,
// before it changes anything, a map without a shard that still owns buckets.
// Pulumi removes what left the program at the end of an update and only if all
// else went well, so that this refusal keeps such a shard.
//
// reshard comes after the app, when every pod knows all shards, and moves
// buckets until the shards own what the map says. A program cannot know whether
// they do already. The Job is therefore always there, and a new one whenever
// the map or the image is another; one without work ends in a second.
const (
	migrateName = "migrate"
	reshardName = "reshard"
)

// finalExit is shardctl's exit code for what no retry mends.
const finalExit = 3

// migration is tried seldom: it waits for its shards by itself, so that one that
// fails has most likely refused the map, and whoever deploys waits for the news.
func (c *Config) migration(w wiring) *app.Job {
	job := c.adminJob(migrateName, w)
	job.Retries = 2
	return job
}

// followup is the Job that moves buckets. One that was refused for a small volume
// is made anew when the volumes grow.
func (c *Config) followup(w wiring) *app.Job {
	job := c.adminJob(reshardName, w)
	job.Image = c.Images.Shardctl
	job.Revision += fmt.Sprint(c.movesEnv())
	job.FinalExitCodes = []int{finalExit}
	maps.Copy(job.Env, c.movesEnv())
	job.Env["SCALESTACK_LISTEN"] = pulumi.Sprintf(":%d", appPort)
	job.Port = appPort
	job.Callers = peers(c.Postgres.Moves.Scrapers)
	return job
}

// adminJob runs a command with the superuser's credentials of all shards.
func (c *Config) adminJob(command string, w wiring) *app.Job {
	return &app.Job{
		Name:     command,
		Args:     []string{command},
		Revision: c.structure(),
		Env:      shardEnv(),
		Mounts:   []app.Mount{w.mapMount(), credentials(w.adminSecrets)},
		Targets:  []app.Target{w.shards()},
	}
}

// movesEnv is the app's too, which is asked what a change would take. No value
// is known later than the settings are.
func (c *Config) movesEnv() map[string]pulumi.StringInput {
	return map[string]pulumi.StringInput{
		"SCALESTACK_RESHARD_BATCH":   pulumi.String(strconv.Itoa(c.Postgres.Moves.Batch)),
		"SCALESTACK_RESHARD_OBSERVE": pulumi.String(strconv.Itoa(c.Postgres.Moves.Observe) + "s"),
		"SCALESTACK_RESHARD_VOLUME":  pulumi.String(strconv.FormatInt(c.volume(), 10)),
	}
}

// volume is the size of each shard's in bytes. One that cannot be read is
// refused with the section postgres.
func (c *Config) volume() int64 {
	size, err := resource.ParseQuantity(c.Postgres.Storage.Size)
	if err != nil {
		return 0
	}
	return size.Value()
}

// structure changes with all that the shard map follows from.
func (c *Config) structure() string { return fmt.Sprintf("%+v", c.spec()) }

// adminPeers are the pods of those Jobs.
func adminPeers() []postgres.Peer {
	return []postgres.Peer{
		{Pods: app.JobLabels(appName, migrateName)},
		{Pods: app.JobLabels(appName, reshardName)},
	}
}
