package kafka

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

func (a *Args) checkTopics(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]string{}
	for i, topic := range a.Topics {
		at := path.Index(i)
		// What follows from the cluster's figure is reported there.
		if topic.Replicas != a.ReplicationFactor || topic.Replicas <= a.count(Broker) {
			errs = append(errs, checkReplication(at, "replicas", topic.Replicas, topic.MinInSync, a.count(Broker))...)
		}
		object := objectName(topic.Name)
		if other, taken := seen[object]; taken {
			errs = append(errs, field.Invalid(at.Child("name"), topic.Name,
				fmt.Sprintf("is too like topic %q: both become the object %s", other, object)))
		}
		seen[object] = topic.Name
	}
	return errs
}

// Check refuses a name that Kafka or Kubernetes does not take.
func (t Topic) Check(path *field.Path) field.ErrorList {
	switch name := path.Child("name"); {
	case t.Name == "":
	case !topicName.MatchString(t.Name) || t.Name == "." || t.Name == "..":
		return field.ErrorList{field.Invalid(name, t.Name, "must be 1 to 249 letters, digits, '.', '_' and '-'")}
	case len(validation.IsDNS1123Subdomain(objectName(t.Name))) > 0:
		return field.ErrorList{field.Invalid(name, t.Name, "must begin and end with a letter or digit")}
	case strings.HasPrefix(strings.ToLower(t.Name), "strimzi.cruisecontrol."):
		return field.ErrorList{field.Invalid(name, t.Name, "must not begin with strimzi.cruisecontrol., where Cruise Control keeps its own topics")}
	}
	return nil
}

func (a *Args) checkUsers(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen, consumers := map[string]bool{}, map[string]int{}
	for i, user := range a.Users {
		at := path.Index(i)
		if seen[user.Name] {
			errs = append(errs, field.Duplicate(at.Child("name"), user.Name))
		}
		seen[user.Name] = true
		if user.Authentication == Certificate && !a.MutualTLS {
			errs = append(errs, field.Invalid(at.Child("authentication"), user.Authentication, "needs mutualTLS"))
		}
		consumers[user.Group] += user.MaxConsumers
		errs = slices.Concat(errs,
			a.checkAccess(at.Child("produce"), user.Produce),
			a.checkAccess(at.Child("consume"), user.Consume),
			a.checkAccess(at.Child("describeTopics"), user.DescribeTopics),
			duplicates(at.Child("describeGroups"), user.DescribeGroups),
			a.checkDeadLetter(at.Child("deadLetter"), user),
			a.checkGroup(at.Child("maxConsumers"), user, consumers[user.Group]))
	}
	return errs
}

// Check refuses a user without anything to do, and consumers without a group.
func (u User) Check(path *field.Path) field.ErrorList {
	for i, group := range u.DescribeGroups {
		if errs := CheckGroup(path.Child("describeGroups").Index(i), group); len(errs) > 0 {
			return errs
		}
	}
	switch {
	case u.Group == everyGroup:
		return CheckGroup(path.Child("group"), u.Group)
	case len(u.Produce)+len(u.Consume)+len(u.DescribeTopics)+len(u.DescribeGroups) == 0:
		return field.ErrorList{field.Required(path, "one of produce, consume, describeTopics and describeGroups")}
	case len(u.Consume) > 0 && u.Group == "":
		return field.ErrorList{field.Required(path.Child("group"), "with consume")}
	case len(u.Consume) == 0 && u.Group != "":
		return field.ErrorList{field.Invalid(path.Child("group"), u.Group, "must be left out without consume")}
	}
	return nil
}

const everyGroup = "*"

// CheckGroup refuses a name that gives a user rights on the groups of others. Kafka
// takes any other text.
func CheckGroup(path *field.Path, group string) field.ErrorList {
	if group == everyGroup {
		return field.ErrorList{field.Invalid(path, group, "must be one group: Kafka takes a right on * for one on every group")}
	}
	return nil
}

func (a *Args) checkAccess(path *field.Path, topics []string) field.ErrorList {
	errs := duplicates(path, topics)
	for i, name := range topics {
		if _, found := a.topic(name); !found {
			errs = append(errs, field.Invalid(path.Index(i), name, "must be one of the topics"))
		}
	}
	return errs
}

// checkDeadLetter refuses a dead-letter topic that is read or written as a
// normal one too: what failed would be processed again at once.
func (a *Args) checkDeadLetter(path *field.Path, user User) field.ErrorList {
	switch _, found := a.topic(user.DeadLetter); {
	case user.DeadLetter == "":
	case !found:
		return field.ErrorList{field.Invalid(path, user.DeadLetter, "must be one of the topics")}
	case len(user.Consume) == 0:
		return field.ErrorList{field.Invalid(path, user.DeadLetter, "must be left out without consume")}
	case slices.Contains(user.Consume, user.DeadLetter), slices.Contains(user.Produce, user.DeadLetter):
		return field.ErrorList{field.Invalid(path, user.DeadLetter, "must not be one of consume and produce")}
	}
	return nil
}

// checkGroup compares the consumers that users of one group run together with
// what there is to read.
func (a *Args) checkGroup(path *field.Path, user User, consumers int) field.ErrorList {
	var errs field.ErrorList
	for _, name := range user.Consume {
		if topic, found := a.topic(name); found && consumers > topic.Partitions {
			errs = append(errs, field.Invalid(path, user.MaxConsumers, fmt.Sprintf("makes %d consumers of group %s, above the %d partitions of %s",
				consumers, user.Group, topic.Partitions, name)))
		}
	}
	return errs
}

func (a *Args) topic(name string) (Topic, bool) {
	i := slices.IndexFunc(a.Topics, func(t Topic) bool { return t.Name == name })
	if i < 0 {
		return Topic{}, false
	}
	return a.Topics[i], true
}
