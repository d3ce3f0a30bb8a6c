package kafka

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// keptChange refuses, before the first object changes, whatever would lose a pool, a
// topic or the quorum: the new nodes of a renamed pool would come before the Kafka
// resource and its guard. In a state that is older than this guard, a component has no
// inputs, and the lists are outputs.
func keptChange(a *Args, c change) field.ErrorList {
	if was, is := c.texts("namespace"); was != is && was != "" && c.known("namespace") {
		return field.ErrorList{field.Invalid(field.NewPath("namespace"), is, "must stay "+was+": the cluster would be made anew, and be empty")}
	}
	errs := slices.Concat(leavingPools(a, c.names("pools")), leavingTopics(a, c.names("topics")))
	if was, is := c.numbers("controllers"); was != 0 && was != is {
		errs = append(errs, otherControllers(is, was))
	}
	return errs
}

// clusterChange refuses whatever would lose a pool, a topic or the quorum, or could not
// be undone. In a state that is older than the annotations, the pools are in Strimzi's
// status.
func clusterChange(a *Args, c change) field.ErrorList {
	pools, listed := c.list(PoolsAnnotation)
	if !listed {
		pools = c.poolsOfStatus()
	}
	topics, _ := c.list(TopicsAnnotation)
	return slices.Concat(versionChange(c), operatorKnows(a, c), controllersChange(c),
		leavingPools(a, pools), leavingTopics(a, topics), sizeChange(a, c), ownTopicsChange(a, c))
}

// versionChange keeps the metadata version behind the brokers: it cannot go back, so it
// moves only after the new brokers have proved themselves.
func versionChange(c change) field.ErrorList {
	was, is := c.texts("spec.kafka.metadataVersion")
	switch from, to := c.texts("spec.kafka.version"); {
	case compareMetadata(is, was) < 0:
		return field.ErrorList{field.Invalid(field.NewPath("metadataVersion"), is, "must not go back from "+was)}
	case was != "" && was != is && from != to:
		return field.ErrorList{field.Invalid(field.NewPath("metadataVersion"), is,
			"must stay "+was+" while version moves from "+from+" to "+to+": raise it in the next update")}
	}
	return nil
}

// operatorKnows refuses an operator that does not know the Kafka that still runs.
// From 1.0 on it upgrades from any.
func operatorKnows(a *Args, c change) field.ErrorList {
	operator := a.Operator.Version
	from, _ := c.texts("spec.kafka.version")
	if from == "" || compareVersions(operator, "1.0.0") >= 0 || slices.Contains(kafkaOf[operator], from) {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("operator", "version"), operator,
		fmt.Sprintf("does not know Kafka %s, which still runs: move version to one that both operators run first", from))}
}

// controllersChange refuses another number of voters, because no release of Strimzi can
// change it.
func controllersChange(c change) field.ErrorList {
	was, is := c.texts(annotationPath(ControllersAnnotation))
	if was == "" || was == is {
		return nil
	}
	return field.ErrorList{otherControllers(is, was)}
}

func otherControllers(is, was any) *field.Error {
	return field.Invalid(field.NewPath("pools"), is, fmt.Sprintf("must keep %v controllers: their number cannot change", was))
}

// leavingPools refuses a pool that leaves with its brokers, even if it was only
// renamed.
func leavingPools(a *Args, was []string) field.ErrorList {
	return leaving(field.NewPath("pools"), "removed.pools", a.Removed.Pools, was, func(name string) bool {
		return slices.ContainsFunc(a.Pools, func(p Pool) bool { return p.Name == name }) || !a.made("kafkanodepools", name)
	})
}

func leavingTopics(a *Args, was []string) field.ErrorList {
	return leaving(field.NewPath("topics"), "removed.topics", a.Removed.Topics, was, func(name string) bool {
		_, found := a.topic(name)
		return found || !a.made("kafkatopics", objectName(name))
	})
}

// made is false for what the cluster does not have: a deployment that failed on its way
// there, and a refresh with the program of one that is not deployed, leave names in the
// state. Where the cluster does not say, it has everything.
func (a *Args) made(resource, name string) bool {
	if a.Names == nil {
		return true
	}
	names, err := a.Names(a.APIVersion, resource)
	return err != nil || slices.Contains(names, name)
}

func leaving(path *field.Path, setting string, named, was []string, stays func(string) bool) field.ErrorList {
	var errs field.ErrorList
	for _, name := range was {
		why := "must not leave with its data: put it back, name it in " + setting + ", deploy, and only then take it out"
		if slices.Contains(named, name) {
			why = "must not leave: put it back, since no deployment has named it in " + setting + " yet, or it has controllers, which never leave"
		}
		if !stays(name) {
			errs = append(errs, field.Forbidden(path.Key(name), why))
		}
	}
	return errs
}

func (c change) poolsOfStatus() []string {
	var names []string
	pools, _ := c.get("status.kafkaNodePools")
	if pools.IsArray() {
		for _, pool := range pools.ArrayValue() {
			if pool.IsObject() {
				names = append(names, text(pool.ObjectValue()["name"]))
			}
		}
	}
	return names
}
