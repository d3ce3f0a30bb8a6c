package stack

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/internal/cluster"
)

// judge returns the reasons why this run must not deploy.
func (c *Config) judge(f findings) field.ErrorList {
	// In the wrong cluster no other finding means anything.
	if errs := c.misplaced(f); len(errs) > 0 {
		return errs
	}
	return slices.Concat(c.judgeOwner(f), c.judgeLayout(f), c.judgeClaims(f), c.judgeConnections(f.running), c.judgeCache(f), c.judgeSecrets(f.past), c.judgeGroups(f.past), c.judgeRotation(f.past), c.judgeCacheRotation(f.past))
}

// misplaced says why the stack does not live here.
func (c *Config) misplaced(f findings) field.ErrorList {
	return slices.Concat(c.judgeTarget(f.cluster, f.past), c.judgeUnmarked(f))
}

// judgeTarget refuses a cluster or namespace other than the stack's. Everything would
// be created anew there, and whatever holds the data would be deleted or left behind.
func (c *Config) judgeTarget(clusterID string, p past) field.ErrorList {
	var errs field.ErrorList
	path := sectionPath("kubernetes")
	if want := c.Kubernetes.Cluster; want != "" && !c.renders() && want != clusterID {
		errs = append(errs, field.Invalid(path.Child("cluster"), want, fmt.Sprintf("%s is %s", c.reached(), clusterID)))
	}
	if p.cluster != "" && p.cluster != clusterID {
		errs = append(errs, field.Forbidden(path.Child("context"), fmt.Sprintf(
			"%s is %s, and this stack lives in %s. A stack never moves. Fix: select its cluster, or make another stack for this one",
			c.reached(), clusterID, p.cluster)))
	}
	if p.namespace != "" && p.namespace != c.Namespace {
		errs = append(errs, field.Invalid(sectionPath("namespace"), c.Namespace,
			fmt.Sprintf("must stay %s: the stack's data is there", p.namespace)))
	}
	return errs
}

// judgeUnmarked proves that a state that does not record its cluster belongs to this
// one, by the uid of its namespace, which no other cluster has.
func (c *Config) judgeUnmarked(f findings) field.ErrorList {
	path := sectionPath("kubernetes").Child("context")
	switch {
	case !f.past.unmarked():
		return nil
	case f.past.namespaceUID == "" || f.former == nil || f.former.UID != f.past.namespaceUID:
		return field.ErrorList{field.Forbidden(path, fmt.Sprintf(
			"%s does not have the namespace %s that this stack made. Fix: select the stack's cluster", c.reached(), f.past.namespace))}
	case cluster.Moved(f.past.target, c.target()):
		return field.ErrorList{field.Forbidden(path, fmt.Sprintf(
			"the kubeconfig has another address, name or CA for the cluster than at the last deployment (%s), and the state does not know the cluster "+
				"by its identity yet. Fix: deploy once as before, then change it", describeTarget(f.past.target)))}
	}
	return nil
}

func describeTarget(t cluster.Target) string {
	text := "KUBECONFIG not set"
	switch {
	case t.Inline():
		text = "KUBECONFIG holds the kubeconfig itself"
	case t.Kubeconfig != "":
		text = "KUBECONFIG=" + t.Kubeconfig
	}
	if t.Context != "" {
		text += ", context " + t.Context
	}
	return text
}

// judgeOwner refuses a namespace that belongs to another stack.
func (c *Config) judgeOwner(f findings) field.ErrorList {
	if f.namespace == nil {
		return nil
	}
	mine := owner(f.stack, f.cluster)
	fix := fmt.Sprintf("if it is this stack's: kubectl annotate --overwrite namespace %s '%s=%s'", c.Namespace, ownerAnnotation, mine)
	switch its := f.namespace.Annotations[ownerAnnotation]; {
	case its == mine:
		return nil
	case its != "":
		return field.ErrorList{field.Invalid(sectionPath("namespace"), c.Namespace,
			fmt.Sprintf("is the namespace of %s, and this is %s. Fix: choose another, or, %s", its, mine, fix))}
	case f.past.namespace == c.Namespace:
		return nil // judged to be the stack's own by its cluster
	default:
		return field.ErrorList{field.Invalid(sectionPath("namespace"), c.Namespace,
			"exists and belongs to no stack. Fix: choose another, or, "+fix)}
	}
}

// judgeLayout refuses settings that contradict the stored data.
func (c *Config) judgeLayout(f findings) field.ErrorList {
	return slices.Concat(
		c.judgeNumber(f, "buckets", bucketsAnnotation, c.Postgres.Buckets),
		c.judgeNumber(f, "initialShards", initialShardsAnnotation, c.Postgres.InitialShards),
		c.judgeMembers(f),
	)
}

// judgeMembers refuses to drop members after a destroy or with a lost state: one of
// them may be the only one with the last commits.
func (c *Config) judgeMembers(f findings) field.ErrorList {
	if f.largest.members <= c.Postgres.Members {
		return nil
	}
	return field.ErrorList{field.Invalid(sectionPath("postgres").Child("members"), c.Postgres.Members, fmt.Sprintf(
		"must be at least %d: %s has as many volume claims, and one that is left out may be the only one with the last commits. "+
			"Fix: deploy with %d, or delete the claims that have no data of it", f.largest.members, postgres.ShardName(f.largest.shard), f.largest.members))}
}

// judgeClaims refuses to deploy while the end of a pod would destroy a volume:
// Kubernetes keeps a deleted claim as long as a pod uses it, and the claim looks like
// any other.
func (c *Config) judgeClaims(f findings) field.ErrorList {
	var errs field.ErrorList
	for _, claim := range f.deleted {
		errs = append(errs, field.Forbidden(sectionPath("namespace"), fmt.Sprintf("volume claim %s of namespace %s was deleted, and goes with its data as soon as its "+
			"pod ends. Fix: end no pod, and keep the volume as docs/runbooks/volume-claim-deleted.md says; if the data is to go, delete the pod", claim, c.Namespace)))
	}
	return errs
}

// judgeSecrets refuses another maker of a Secret with the same name. The former Secret
// is deleted at the very end of a deployment, together with what the new maker has
// written by then, and no pod that mounts it would start again.
func (c *Config) judgeSecrets(p past) field.ErrorList {
	var errs field.ErrorList
	now := c.makers()
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if before, known := p.makers[name]; known && before != now[name].maker {
			errs = append(errs, field.Invalid(now[name].path, name, fmt.Sprintf("was a Secret of %s until now, and would be deleted while pods mount what %s writes into it. "+
				"Fix: use another name, or deploy once with another Secret wherever %s is used and then with this", before, now[name].maker, name)))
		}
	}
	return errs
}

func (c *Config) judgeNumber(f findings, setting, annotation string, value int) field.ErrorList {
	stored, known := f.layout(setting, annotation)
	if !known || stored == strconv.Itoa(value) {
		return nil
	}
	return field.ErrorList{field.Invalid(sectionPath("postgres").Child(setting), value,
		fmt.Sprintf("must stay %s: the data in namespace %s is laid out for it", stored, c.Namespace))}
}

// layout is what the data is laid out for, according to the last shard map, or to the
// namespace if the stack was destroyed or its state is lost.
func (f findings) layout(setting, annotation string) (value string, known bool) {
	if l := f.past.layout; l != nil {
		return strconv.Itoa(map[string]int{"buckets": l.buckets, "initialShards": l.initialShards}[setting]), true
	}
	if f.namespace == nil {
		return "", false
	}
	value, known = f.namespace.Annotations[annotation]
	return value, known
}

// nameOfShards is the cluster's name in the shard map, by which shards refuse the map
// of another stack. It never changes once data exists. Data that is older than this
// mark has the name of the namespace.
func (c *Config) nameOfShards(f findings) string {
	switch {
	case f.past.layout != nil:
		return f.past.layout.cluster
	case f.namespace == nil:
		return newName(c.Namespace, owner(f.stack, f.cluster))
	case f.namespace.Annotations[shardsAnnotation] != "":
		return f.namespace.Annotations[shardsAnnotation]
	}
	return c.Namespace
}

// newName returns a DNS label that two stacks or clusters never share.
func newName(namespace, owner string) string {
	suffix := fmt.Sprintf("-%.8x", sha256.Sum256([]byte(owner)))[:9]
	return namespace[:min(len(namespace), validation.DNS1123LabelMaxLength-len(suffix))] + suffix
}
