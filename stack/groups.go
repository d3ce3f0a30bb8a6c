package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// checkSharedGroups refuses one consumer group for two programs: Kafka gives each of
// them some of the partitions, so each misses what the other reads. Two versions of a
// program may share a group.
func (c *Config) checkSharedGroups() field.ErrorList {
	var errs field.ErrorList
	keys := slices.Sorted(maps.Keys(c.Services))
	for i, key := range keys {
		for _, other := range keys[:i] {
			topic, common := commonTopic(c.Services[key].Uses.Consume, c.Services[other].Uses.Consume)
			if common && !sameProgram(c.Services[key], c.Services[other]) {
				errs = append(errs, field.Invalid(servicePath(key).Child("uses", "consume", "group"), c.Services[key].Uses.Consume.Group, fmt.Sprintf(
					"is the group of service %s, another program that reads %s too: each would get a part of the events", other, topic)))
			}
		}
	}
	return errs
}

// judgeGroups refuses a consumer under another name if its group, which is named after
// it, changes as well: the program would read events again, or never.
func (c *Config) judgeGroups(p past) field.ErrorList {
	left := maps.Clone(p.groups)
	for _, user := range c.kafkaArgs(nil).Users {
		delete(left, user.Group)
	}
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		consume := c.Services[key].Uses.Consume
		if consume == nil || consume.Group != c.Services[key].Name || p.groups[consume.Group] != nil {
			continue
		}
		for _, group := range slices.Sorted(maps.Keys(left)) {
			if topic, common := commonTopic(&UsesTopics{Topics: left[group]}, &UsesTopics{Topics: consume.Topics}); common {
				errs = append(errs, field.Invalid(servicePath(key).Child("uses", "consume", "group"), consume.Group, fmt.Sprintf(
					"is a new group, and nobody would go on where group %s is in topic %s. Fix: group %[1]s; "+
						"or, if the service shall begin anew, take the former one out in a deployment before", group, topic)))
			}
		}
	}
	return errs
}

// commonTopic returns a topic that both read in the same group.
func commonTopic(a, b *UsesTopics) (string, bool) {
	if a == nil || b == nil || a.Group != b.Group {
		return "", false
	}
	i := slices.IndexFunc(a.Topics, func(topic string) bool { return slices.Contains(b.Topics, topic) })
	if i < 0 {
		return "", false
	}
	return a.Topics[i], true
}

// sameProgram compares what runs, regardless of the version.
func sameProgram(a, b Service) bool {
	return imageName(a.Image) == imageName(b.Image) && slices.Equal(a.Command, b.Command) && slices.Equal(a.Args.Args, b.Args.Args)
}

// imageName is an image without its tag and digest.
func imageName(image pulumi.StringInput) string {
	name, _ := settings.String(image)
	name, _, _ = strings.Cut(name, "@")
	if at := strings.LastIndex(name, ":"); at > strings.LastIndex(name, "/") {
		name = name[:at]
	}
	return name
}
