package stack

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/internal/settings"
)

// deadLetterHours gives people a month to look at what failed.
const deadLetterHours = 30 * 24

// derivedLetter is the dead-letter topic of a group that names none.
func derivedLetter(group string) string { return group + "_dlq" }

// topicUse is a topic that a service names, and where.
type topicUse struct {
	topic  string
	at     *field.Path
	letter bool // it is the service's dead-letter topic
}

// topicUses are in the order of the services' keys.
func (c *Config) topicUses() []topicUse {
	var uses []topicUse
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		s, path := c.Services[key], servicePath(key).Child("uses")
		for i, name := range s.Uses.Produce {
			uses = append(uses, topicUse{topic: name, at: path.Child("produce").Index(i)})
		}
		if consume := s.Uses.Consume; consume != nil {
			for i, name := range consume.Topics {
				uses = append(uses, topicUse{topic: name, at: path.Child("consume", "topics").Index(i)})
			}
			uses = append(uses, topicUse{topic: consume.DeadLetter, at: letterPath(path.Child("consume"), *consume), letter: true})
		}
	}
	return uses
}

// letterPath is the setting that decides the name of the dead-letter topic.
func letterPath(consume *field.Path, u UsesTopics) *field.Path {
	if u.DeadLetter == derivedLetter(u.Group) {
		return consume.Child("group")
	}
	return consume.Child("deadLetter")
}

// addTopics adds the topics that services use after the configured ones, which may have
// other partitions or another retention. Whichever service comes first, a dead-letter
// topic stays one, because a shorter retention would delete messages. Names that no
// topic can have are refused where they are given.
func (c *Config) addTopics() {
	uses := c.topicUses()
	c.topicNamed = map[string]*field.Path{}
	for _, use := range uses {
		topic := kafka.Topic{Name: use.topic}
		if slices.ContainsFunc(uses, func(u topicUse) bool { return u.letter && u.topic == use.topic }) {
			topic.RetentionHours = deadLetterHours
		}
		same := func(t kafka.Topic) bool { return t.Name == use.topic }
		if !slices.ContainsFunc(c.Kafka.Topics, same) && len(topic.Check(nil)) == 0 {
			c.Kafka.Topics = append(c.Kafka.Topics, *settings.WithDefaults(&topic))
			c.topicNamed[use.topic] = use.at
		}
	}
	c.Kafka.Complete()
}

var addedTopic = regexp.MustCompile(`^kafka\.topics\[(\d+)\](\.name)?`)

// atUse moves a mistake in an added topic to where the topic is named, because the
// user's list of topics has no such entry.
func (c *Config) atUse(one *field.Error) {
	found := addedTopic.FindStringSubmatch(one.Field)
	if found == nil {
		return
	}
	if i, err := strconv.Atoi(found[1]); err == nil && i < len(c.Kafka.Topics) {
		if at, added := c.topicNamed[c.Kafka.Topics[i].Name]; added {
			one.Field = at.String() + one.Field[len(found[0]):]
		}
	}
}

// checkGroups refuses a group whose dead-letter topic could not be named after it. The
// service's own name is checked elsewhere.
func (c *Config) checkGroups() field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		s := c.Services[key]
		consume := s.Uses.Consume
		if consume == nil || consume.Group == s.Name || consume.DeadLetter != derivedLetter(consume.Group) {
			continue
		}
		for _, problem := range (kafka.Topic{Name: consume.DeadLetter}).Check(nil) {
			errs = append(errs, field.Invalid(servicePath(key).Child("uses", "consume", "group"), settings.Short(consume.Group), fmt.Sprintf(
				"makes the dead-letter topic %q, which %s; set deadLetter to keep the group", settings.Short(consume.DeadLetter), problem.Detail)))
		}
	}
	return errs
}

// Check refuses names that no topic can have, and a dead-letter topic that would be
// processed again at once.
func (u Uses) Check(path *field.Path) field.ErrorList {
	errs := checkTopics(path.Child("produce"), u.Produce)
	if u.Consume == nil {
		return errs
	}
	at := path.Child("consume")
	errs = append(errs, checkTopics(at.Child("topics"), u.Consume.Topics)...)
	if slices.Contains(slices.Concat(u.Produce, u.Consume.Topics), u.Consume.DeadLetter) {
		errs = append(errs, field.Invalid(at.Child("deadLetter"), u.Consume.DeadLetter,
			"must not be a topic that the service reads or writes itself"))
	}
	return errs
}

func checkTopics(path *field.Path, names []string) field.ErrorList {
	var errs field.ErrorList
	for i, name := range names {
		for _, problem := range (kafka.Topic{Name: name}).Check(nil) {
			problem.Field = path.Index(i).String()
			errs = append(errs, problem)
		}
		if slices.Contains(names[:i], name) {
			errs = append(errs, field.Duplicate(path.Index(i), name))
		}
	}
	return errs
}

// Check refuses an invalid group, and a name that no dead-letter topic can have. If
// that name follows from the group's, the mistake is the group's.
func (u UsesTopics) Check(path *field.Path) field.ErrorList {
	if errs := kafka.CheckGroup(path.Child("group"), u.Group); len(errs) > 0 {
		return errs
	}
	if u.DeadLetter == derivedLetter(u.Group) {
		return nil
	}
	errs := (kafka.Topic{Name: u.DeadLetter}).Check(nil)
	for _, one := range errs {
		one.Field = path.Child("deadLetter").String()
	}
	return errs
}
