package main

import (
	"regexp"
	"slices"

	"github.com/scalestack/scalestack/policies/rule"
)

// encryptedStacks is the setting of the rules that ask for TLS.
var encryptedStacks = []rule.Setting{
	{Name: "stacks", Meaning: "names of the stacks where TLS is asked for", Default: []any{"prod"}},
}

// shardsEncrypted is advisory: a stack with data comes to TLS in two deployments, and is
// right to be at the first of them for a while.
var shardsEncrypted = rule.Rule{
	Name:  "shards-encrypted",
	Level: rule.Advisory,
	Description: "Production's shards speak TLS and refuse logins without it: otherwise passwords and users' data cross the network " +
		"in clear text.",
	Settings: encryptedStacks,
	Each: func(c *rule.Check, r rule.Resource) {
		if r.Kind() != "ConfigMap" || !slices.Contains(c.Texts("stacks"), c.Stack) {
			return
		}
		const fix = "set postgres.tls; docs/tls.md says how a stack with data gets it"
		conf, hba := r.At("data", "postgresql.conf"), r.At("data", "pg_hba.conf")
		if !r.Patch() && (!conf.Known() || !hba.Known() || hba.Text() == "") {
			return
		}
		if conf.Known() && !speaksTLS(conf.Text()) {
			c.Report(r, conf.Path(), "without TLS", "ssl = on", fix)
			return
		}
		if line := clearLine.FindString(hba.Text()); line != "" {
			c.Report(r, hba.Path(), "a line for logins without TLS", "hostssl in place of host", "set postgres.tls.mode to require")
		}
	},
}

// cacheEncrypted is advisory for the same reason.
var cacheEncrypted = rule.Rule{
	Name:        "cache-encrypted",
	Level:       rule.Advisory,
	Description: "Production's cache speaks TLS and refuses clear text: otherwise its password and users' data cross the network in clear text.",
	Settings:    encryptedStacks,
	Each: func(c *rule.Check, r rule.Resource) {
		conf := r.At("data", "redis.conf")
		if r.Kind() != "ConfigMap" || !conf.Known() || conf.Text() == "" || !slices.Contains(c.Texts("stacks"), c.Stack) {
			return
		}
		switch {
		case redisPort(conf.Text(), "tls-port", "0") == "0":
			c.Report(r, conf.Path(), "without TLS", "a tls-port", "set redis.tls; docs/tls.md says how a stack gets it")
		case redisPort(conf.Text(), "port", "6379") != "0":
			c.Report(r, conf.Path(), "a port for clear text", "port 0", "set redis.tls.mode to require")
		}
	},
}

// redisPort is a port by the last line of a redis.conf, which is the one that counts, or
// Redis's default.
func redisPort(conf, name, byDefault string) string {
	lines := regexp.MustCompile(`(?im)^\s*`+name+`\s+"?(\d+)"?\s*$`).FindAllStringSubmatch(conf, -1)
	if len(lines) == 0 {
		return byDefault
	}
	return lines[len(lines)-1][1]
}

var (
	sslLine   = regexp.MustCompile(`(?im)^\s*ssl(?:\s*=\s*|\s+)'?([a-z0-9]+)'?\s*(?:#.*)?$`)
	clearLine = regexp.MustCompile(`(?m)^\s*host(nossl|gssenc|nogssenc)?\s`)
)

// speaksTLS goes by the last line: of two, the server takes that.
func speaksTLS(conf string) bool {
	lines := sslLine.FindAllStringSubmatch(conf, -1)
	return len(lines) > 0 && slices.Contains([]string{"on", "true", "yes", "1"}, lines[len(lines)-1][1])
}
