package kafka

import (
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/check"
)

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

func (a *Args) validateTopics(errs *check.Errors) {
	seen := map[string]string{}
	for i, topic := range a.Topics {
		path := index("topics", i)
		topic.validate(errs, path, a.count(Broker))
		object := objectName(topic.Name)
		if other, taken := seen[object]; taken {
			errs.Addf(path+".name", "%q is too like topic %q: both become the object %s", topic.Name, other, object)
		}
		seen[object] = topic.Name
	}
}

func (t Topic) validate(errs *check.Errors, path string, brokers int) {
	switch {
	case !topicName.MatchString(t.Name) || t.Name == "." || t.Name == "..":
		errs.Addf(path+".name", "%q is not 1 to 249 letters, digits, '.', '_' and '-'", t.Name)
	case len(validation.IsDNS1123Subdomain(objectName(t.Name))) > 0:
		errs.Addf(path+".name", "%q does not begin and end with a letter or digit", t.Name)
	}
	errs.Range(path+".partitions", t.Partitions, 1, 1000)
	validateReplication(errs, path+".", t.Replicas, t.MinInSync, brokers, "replicas")
	if t.RetentionHours != -1 && (t.RetentionHours < 1 || t.RetentionHours > 87600) {
		errs.Addf(path+".retentionHours", "%d is not between 1 and 87600, nor -1 for ever", t.RetentionHours)
	}
	if t.MaxMessageBytes != 0 {
		errs.Range(path+".maxMessageBytes", t.MaxMessageBytes, 1024, 100<<20)
	}
}

func (a *Args) validateUsers(errs *check.Errors) {
	seen, consumers := map[string]bool{}, map[string]int{}
	for i, user := range a.Users {
		path := index("users", i)
		user.validate(errs, path)
		if seen[user.Name] {
			errs.Addf(path+".name", "%q is used twice", user.Name)
		}
		seen[user.Name] = true
		if user.Authentication == Certificate && !a.MutualTLS {
			errs.Addf(path+".authentication", "tls needs mutualTLS, which is off")
		}
		a.validateAccess(errs, path+".produce", user.Produce)
		a.validateAccess(errs, path+".consume", user.Consume)
		a.validateDeadLetter(errs, path+".deadLetter", user)
		consumers[user.Group] += user.MaxConsumers
		a.validateGroup(errs, path, user, consumers[user.Group])
	}
}

func (u User) validate(errs *check.Errors, path string) {
	kube.Name(errs, path+".name", u.Name, "")
	errs.OneOf(path+".authentication", string(u.Authentication), string(Scram), string(Certificate))
	errs.Range(path+".maxConsumers", u.MaxConsumers, 0, 1000)
	if len(u.Produce)+len(u.Consume) == 0 {
		errs.Addf(path, "neither produces nor consumes")
	}
	if len(u.Consume) > 0 && u.Group == "" {
		errs.Addf(path+".group", "is required to consume")
	}
	if len(u.Consume) == 0 && u.Group != "" {
		errs.Addf(path+".group", "%q consumes nothing", u.Group)
	}
	if q := u.Quotas; q != nil {
		errs.Range(path+".quotas.producerByteRate", q.ProducerByteRate, 0, 1<<31-1)
		errs.Range(path+".quotas.consumerByteRate", q.ConsumerByteRate, 0, 1<<31-1)
		errs.Range(path+".quotas.requestPercentage", q.RequestPercentage, 0, 10000)
	}
}

func (a *Args) validateAccess(errs *check.Errors, path string, topics []string) {
	for i, name := range topics {
		if _, found := a.topic(name); !found {
			errs.Addf(index(path, i), "%q is not one of the topics", name)
		}
		if slices.Index(topics, name) != i {
			errs.Addf(index(path, i), "%q is given twice", name)
		}
	}
}

// validateDeadLetter refuses a dead-letter topic that is read or written as a
// normal one too: what failed would be processed again at once.
func (a *Args) validateDeadLetter(errs *check.Errors, path string, user User) {
	switch _, found := a.topic(user.DeadLetter); {
	case user.DeadLetter == "":
	case !found:
		errs.Addf(path, "%q is not one of the topics", user.DeadLetter)
	case len(user.Consume) == 0:
		errs.Addf(path, "%q is for users that consume", user.DeadLetter)
	case slices.Contains(user.Consume, user.DeadLetter), slices.Contains(user.Produce, user.DeadLetter):
		errs.Addf(path, "%q is given as consume or produce too", user.DeadLetter)
	}
}

// validateGroup compares the consumers that users of one group run together
// with what there is to read.
func (a *Args) validateGroup(errs *check.Errors, path string, user User, consumers int) {
	for _, name := range user.Consume {
		if topic, found := a.topic(name); found && consumers > topic.Partitions {
			errs.Addf(path+".maxConsumers", "group %s has %d consumers, above the %d partitions of %s",
				user.Group, consumers, topic.Partitions, name)
		}
	}
}

func (a *Args) topic(name string) (Topic, bool) {
	i := slices.IndexFunc(a.Topics, func(t Topic) bool { return t.Name == name })
	if i < 0 {
		return Topic{}, false
	}
	return a.Topics[i], true
}
