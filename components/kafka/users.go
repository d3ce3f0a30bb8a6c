package kafka

import (
	"encoding/json"
	"slices"
)

// userSpec is a KafkaUser's spec.
func userSpec(u User) object {
	spec := object{
		"authentication": object{"type": string(u.Authentication)},
		"authorization":  object{"type": "simple", "acls": acls(u)},
	}
	if u.Quotas != nil {
		spec["quotas"] = quotas(*u.Quotas)
	}
	return spec
}

// ReadBy is the group of a KafkaUser with this spec, "" without one, and the topics that it may read.
func ReadBy(spec any) (group string, topics []string) {
	var user struct {
		Authorization struct {
			ACLs []struct {
				Operations []string
				Resource   struct{ Type, Name string }
			}
		}
	}
	text, err := json.Marshal(spec)
	if err != nil || json.Unmarshal(text, &user) != nil {
		return "", nil
	}
	for _, one := range user.Authorization.ACLs {
		switch {
		case !slices.Contains(one.Operations, "Read"):
		case one.Resource.Type == "topic":
			topics = append(topics, one.Resource.Name)
		case group == "":
			// That of replays comes after it.
			group = one.Resource.Name
		}
	}
	return group, topics
}

// acls name each resource in full; only transactional ids go by their prefix,
// because each process makes one of its own.
func acls(u User) list {
	rules := list{}
	for _, topic := range u.Produce {
		rules = append(rules, acl("topic", topic, "literal", "Describe", "Write"))
	}
	for _, topic := range u.Consume {
		rules = append(rules, acl("topic", topic, "literal", "Describe", "Read"))
	}
	if u.Group != "" {
		rules = append(rules, acl("group", u.Group, "literal", "Read"))
	}
	if u.DeadLetter != "" {
		rules = append(rules,
			acl("topic", u.DeadLetter, "literal", "Describe", "Read", "Write"),
			acl("group", ReplayGroup(u.Group), "literal", "Read"))
	}
	for _, topic := range u.DescribeTopics {
		rules = append(rules, acl("topic", topic, "literal", "Describe"))
	}
	for _, group := range u.DescribeGroups {
		rules = append(rules, acl("group", group, "literal", "Describe"))
	}
	if u.TransactionPrefix != "" {
		rules = append(rules, acl("transactionalId", u.TransactionPrefix, "prefix", "Describe", "Write"))
	}
	return rules
}

func acl(kind, name, pattern string, operations ...string) object {
	all := make(list, len(operations))
	for i, operation := range operations {
		all[i] = operation
	}
	return object{
		"type":       "allow",
		"host":       "*",
		"operations": all,
		"resource":   object{"type": kind, "name": name, "patternType": pattern},
	}
}

func quotas(q Quotas) object {
	limits := object{}
	for key, value := range map[string]int{
		"producerByteRate":  q.ProducerByteRate,
		"consumerByteRate":  q.ConsumerByteRate,
		"requestPercentage": q.RequestPercentage,
	} {
		if value > 0 {
			limits[key] = value
		}
	}
	return limits
}
