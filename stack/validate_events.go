package stack

import (
	"fmt"
	"net/mail"
	"net/netip"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/internal/check"
)

func (c *Config) checkEvents(errs *check.Errors) {
	if !c.Events.Enabled {
		return
	}
	if !c.Kafka.WaitReady {
		errs.Addf("events.enabled", "true needs kafka.waitReady: the workers cannot start before their users exist")
	}
	c.checkMail(errs)
	checkPeers(errs, "events.scrapers", c.Events.Scrapers)
	for _, w := range c.workers() {
		c.checkWorker(errs, w)
	}
}

// checkWorker leaves out what is checked once for all: the image, who may read
// the metrics, and whom the stack lets its workers call.
func (c *Config) checkWorker(errs *check.Errors, w worker) {
	args := c.workerArgs(w, c.offlineEventWiring())
	args.Image, args.ImagePullPolicy, args.Callers, args.Targets = "checked:once", "", nil, nil
	errs.Merge("events."+w.name, args.Validate())
	c.checkPartitions(errs, w)
	for i, user := range c.Kafka.Users {
		if user.Name == w.name {
			errs.Addf(fmt.Sprintf("kafka.users[%d].name", i), "%q is the user of the stack's own worker", w.name)
		}
	}
}

// checkPartitions refuses consumers that would never get a message.
func (c *Config) checkPartitions(errs *check.Errors, w worker) {
	for _, name := range w.consume {
		partitions := kafka.DefaultPartitions
		if i := slices.IndexFunc(c.Kafka.Topics, func(t KafkaTopic) bool { return t.Name == name }); i >= 0 {
			partitions = c.Kafka.Topics[i].Partitions
		}
		if most := w.size.Replicas.Max; most > partitions {
			errs.Addf("events."+w.name+".replicas.max", "%d is above the %d partitions of topic %s: one more consumer has no work",
				most, partitions, name)
		}
	}
}

func (c *Config) checkMail(errs *check.Errors) {
	m := c.Events.Mail
	if _, err := netip.ParseAddr(m.Host); err != nil && len(validation.IsDNS1123Subdomain(m.Host)) > 0 {
		errs.Addf("events.mail.host", "%q is not an address or the name of a host; the email worker needs one", m.Host)
	}
	if _, err := mail.ParseAddress(m.From); err != nil {
		errs.Addf("events.mail.from", "%q is not a sender such as shop@example.com", m.From)
	}
	if m.Secret != "" && len(validation.IsDNS1123Subdomain(m.Secret)) > 0 {
		errs.Addf("events.mail.secret", "%q is not the name of a Secret", m.Secret)
	}
	checkPeers(errs, "events.mail.servers", m.Servers)
}

func checkPeers(errs *check.Errors, path string, list []Peer) {
	for i, peer := range peers(list) {
		peer.Validate(errs, fmt.Sprintf("%s[%d]", path, i))
	}
}

// offlineEventWiring is what offlineWiring is, for workers.
func (c *Config) offlineEventWiring() eventWiring {
	known := pulumi.String("known-at-deployment")
	from := eventWiring{wiring: c.offlineWiring(), bootstrap: known, authority: known, users: map[string]pulumi.StringInput{}}
	for _, w := range c.workers() {
		from.users[w.name] = known
	}
	return from
}
