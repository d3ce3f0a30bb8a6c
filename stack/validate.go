package stack

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/redis"
	"github.com/scalestack/scalestack/internal/check"
)

// validate checks what the values mean: each section by its component, and
// what holds between sections. Doubtful sections have mistakes already and hold
// defaults now, so nothing is said about them.
func (c *Config) validate(doubtful map[string]bool) error {
	errs := &check.Errors{}
	for _, one := range []struct {
		sections []string
		run      func(*check.Errors)
	}{
		{[]string{"postgres"}, c.checkShards},
		{[]string{"postgres"}, c.checkPostgres},
		{[]string{"app"}, c.checkApp},
		{[]string{"redis"}, c.checkRedis},
		{[]string{"kafka"}, c.checkKafka},
		{[]string{"events", "kafka"}, c.checkEvents},
		{[]string{"cdn"}, c.checkCDN},
		{[]string{"app", "events", "postgres"}, c.checkConnections},
	} {
		if !anyOf(doubtful, one.sections) {
			one.run(errs)
		}
	}
	return errs.Err()
}

func anyOf(set map[string]bool, names []string) bool {
	for _, name := range names {
		if set[name] {
			return true
		}
	}
	return false
}

func (c *Config) checkPostgres(errs *check.Errors) {
	args := c.postgresArgs(pulumi.String(c.Namespace))
	// Which shards there are and what they do is the map's matter.
	args.Drained = nil
	mergeImages(errs, "postgres", "images.postgres", args.Validate())
	checkPeers(errs, "postgres.moves.scrapers", c.Postgres.Moves.Scrapers)
}

func (c *Config) checkApp(errs *check.Errors) {
	args := c.appArgs(c.offlineWiring())
	// The edge's ranges and the mover's scrapers are other sections', which check
	// them themselves.
	args.Callers, args.Followup.Callers = peers(c.App.Callers), nil
	mergeImages(errs, "app", "images.workload", args.Validate())
}

func (c *Config) checkRedis(errs *check.Errors) {
	mergeImages(errs, "redis", "images.redis", c.redisArgs(pulumi.String(c.Namespace)).Validate())
}

func (c *Config) checkKafka(errs *check.Errors) {
	errs.Merge("kafka", c.kafkaArgs(pulumi.String(c.Namespace)).Validate())
}

func (c *Config) checkCDN(errs *check.Errors) {
	if len(c.CDN.EdgeRanges) > 0 && !c.CDN.AllowEdge {
		errs.Addf("cdn.edgeRanges", "%d given, but allowEdge is false and nothing uses them", len(c.CDN.EdgeRanges))
	}
	switch {
	case c.CDN.Enabled:
		errs.Merge("cdn", c.cdnArgs().Validate())
	case c.CDN.AllowEdge:
		errs.Addf("cdn.allowEdge", "true is not possible with enabled false: no edge would call")
	}
}

// mergeImages adds a component's mistakes under its section; the image and its
// pull policy are settings of the section images.
func mergeImages(errs *check.Errors, section, image string, err error) {
	for _, one := range list(err) {
		path := section + "." + one.Path
		switch {
		case one.Path == "image":
			path = image
		case one.Path == "followup.image":
			path = "images.shardctl"
		case strings.HasSuffix(one.Path, "imagePullPolicy"):
			path = "images.pullPolicy"
		}
		errs.Addf(path, "%s", one.Problem)
	}
}

// offlineWiring stands in for the other components' outputs, so that the app's
// arguments can be checked before anything is registered.
func (c *Config) offlineWiring() wiring {
	known := pulumi.String("known-at-deployment")
	w := wiring{
		namespace: known, shardMap: known, redisAddress: known, redisSecret: known,
		appSecrets:   map[string]pulumi.StringInput{},
		adminSecrets: map[string]pulumi.StringInput{},
		redisPods:    redis.PodLabels(redisName),
		postgresPods: postgres.PodLabels(postgresName),
	}
	for _, id := range c.shardIDs() {
		name := postgres.ShardName(id)
		w.appSecrets[name], w.adminSecrets[name] = known, known
	}
	return w
}
