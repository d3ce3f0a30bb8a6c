package stack

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/cluster"
	"github.com/scalestack/scalestack/internal/settings"
)

// project is the namespace of our settings in Pulumi's configuration.
const project = "scalestack"

// Load reads the settings of a run and returns either a configuration that can be
// deployed or all mistakes in it. It registers nothing.
//
// A section with a wrong value is not checked any further: what the value was meant to
// be is unknown, and a second message would only be a guess.
func Load(info pulumi.RunInfo, options ...Option) (*Config, error) {
	document, errs := parse(info)
	c := &Config{stack: info.Stack, connect: cluster.Connect}
	errs = append(errs, settings.Decode(nil, document, c)...)
	c.doubtful = sections(errs)
	c.forget()
	for _, apply := range options {
		apply(c)
	}
	if c.localImages != nil {
		return nil, c.localImages
	}
	c.limitExposed()
	c = settings.WithDefaults(c)
	for _, one := range settings.Validate(nil, c) {
		if !c.doubtful[section(one)] {
			c.atUse(one)
			errs = append(errs, one)
		}
	}
	if len(errs) == 0 {
		errs = c.checkFinished()
	}
	if len(errs) > 0 {
		return nil, settings.Err(ordered(errs))
	}
	return c, nil
}

// parse makes one document of the settings. Pulumi passes strings: objects as JSON,
// everything else as it is.
func parse(info pulumi.RunInfo) (map[string]any, field.ErrorList) {
	document := map[string]any{}
	var errs field.ErrorList
	for key, text := range info.Config {
		name, ours := strings.CutPrefix(key, project+":")
		switch {
		case !ours:
		case name == secretsName:
			value, mistakes := parseSecrets(parseObject(text), slices.Contains(info.ConfigSecretKeys, key))
			if errs = append(errs, mistakes...); len(value) > 0 && len(mistakes) == 0 {
				document[name] = value
			}
		case slices.Contains(info.ConfigSecretKeys, key):
			errs = append(errs, field.Forbidden(field.NewPath(name), "is a secret, and no setting but secrets is one: passwords are generated"))
		case name == "namespace":
			document[name] = text
		default:
			document[name] = parseObject(text)
		}
	}
	return document, errs
}

// parseObject returns text itself if it is not JSON; it is refused later.
func parseObject(text string) any {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil || decoder.More() {
		return text
	}
	return value
}

// sections returns the top-level settings with a mistake.
func sections(errs field.ErrorList) map[string]bool {
	found := map[string]bool{}
	for _, one := range errs {
		found[section(one)] = true
	}
	return found
}

func section(err *field.Error) string {
	name, _, _ := strings.Cut(err.Field, ".")
	return name
}

// limitExposed limits requests where the edge may reach a service, unless the user
// decided otherwise. A zone without either only holds rules.
func (c *Config) limitExposed() {
	if c.CDN == nil || c.CDN.RateLimit.Enabled != nil {
		return
	}
	for key, one := range c.Services {
		if one.AllowEdge || c.routed(key) {
			c.CDN.RateLimit.Enabled = pulumi.BoolRef(true)
		}
	}
}

// forget drops sections with mistakes, and the section of an edge that is not enabled.
func (c *Config) forget() {
	c.edgeRangesGiven = c.CDN != nil && c.CDN.Enabled && c.CDN.EdgeRanges != nil
	if c.CDN != nil && !c.CDN.Enabled || c.doubtful["cdn"] {
		c.CDN = nil
	}
	if c.Tunnel != nil && !c.Tunnel.Enabled || c.doubtful["tunnel"] {
		c.Tunnel = nil
	}
	if c.Gateway != nil && !c.Gateway.Enabled || c.doubtful["gateway"] {
		c.Gateway = nil
	}
	if c.doubtful["namespace"] {
		c.Namespace = ""
	}
	if c.doubtful["kubernetes"] {
		c.Kubernetes = Kubernetes{}
	}
	if c.doubtful["postgres"] {
		c.Postgres = Postgres{}
	}
	if c.doubtful["redis"] {
		c.Redis = Config{}.Redis
	}
	if c.doubtful["kafka"] {
		c.Kafka = Config{}.Kafka
	}
	if c.doubtful["metrics"] {
		c.Metrics = Metrics{}
	}
	if c.doubtful["keda"] {
		c.KEDA = KEDA{}
	}
	if c.doubtful["services"] {
		c.Services = nil
	}
}

// ordered sorts the mistakes by section, in the order of Config's fields, keeps the
// order within each section, and writes the paths as `pulumi config` knows them.
func ordered(errs field.ErrorList) field.ErrorList {
	rank := map[string]int{}
	for i, name := range Sections() {
		rank[name] = i + 1
	}
	slices.SortStableFunc(errs, func(a, b *field.Error) int { return rank[section(a)] - rank[section(b)] })
	for _, one := range errs {
		one.Field = project + ":" + one.Field
	}
	return errs
}

// sectionPath is the path of a top-level setting.
func sectionPath(name string) *field.Path { return field.NewPath(name) }

func servicePath(key string) *field.Path { return sectionPath("services").Child(key) }
