package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// patience is for how long a pod may be in a state that does not heal by itself. The
// cause may still be on its way: a Secret that something else makes, a registry that is
// down for a moment, a database that starts later.
var patience = map[string]time.Duration{
	"InvalidImageName":           0,
	"ErrImageNeverPull":          0,
	"ErrImagePull":               2 * time.Minute,
	"ImagePullBackOff":           2 * time.Minute,
	"CreateContainerConfigError": 3 * time.Minute,
	"CreateContainerError":       3 * time.Minute,
	"CrashLoopBackOff":           5 * time.Minute,
	"RunContainerError":          3 * time.Minute,
	// Nodes may be on their way.
	unschedulable: 8 * time.Minute,
}

const unschedulable = "Unschedulable"

// problem is why a pod is not ready.
type problem struct{ reason, message string }

func (p problem) String() string { return strings.TrimSuffix(p.reason+": "+short(p.message), ": ") }

// judge says of each pod that is not ready why, and whether one of those that the
// deployment has made has been in vain for longer than its patience.
func (w *watch) judge(seen snapshot) (lines []string, hopeless bool) {
	stuck := map[string]time.Time{}
	for _, p := range seen.Pods.Items {
		if p.ready() {
			continue
		}
		found := p.problem()
		line := fmt.Sprintf("%s is not ready: %s%s", p.Metadata.Name, found, seen.warning(p.Metadata.Name))
		limit, lasting := patience[found.reason]
		if lasting && w.made(p) {
			since, known := w.stuck[p.Metadata.UID]
			if !known {
				since = w.now()
			}
			stuck[p.Metadata.UID] = since
			if w.now().Sub(since) >= limit && (found.reason != unschedulable || p.fixed()) {
				hopeless = true
				line += ". FAILED: " + found.reason + " for " + w.now().Sub(since).Round(time.Second).String()
			}
		}
		lines = append(lines, line)
	}
	w.stuck = stuck
	return slices.Concat(seen.empty(), lines, seen.kafka(), seen.uncreated(w.began)), hopeless
}

// made reports whether the pod may be the deployment's: one from before has its problem
// from elsewhere, and nobody waits for one of somebody else or of a CronJob.
func (w *watch) made(p pod) bool {
	return !p.Metadata.CreationTimestamp.Before(w.began.Truncate(time.Second)) && p.ofAStack() && !p.byTheClock()
}

// ofAStack holds for the pods that a stack declares, for Strimzi's operator and for those that it makes.
func (p pod) ofAStack() bool {
	for label, value := range p.Metadata.Labels {
		if label == "app.kubernetes.io/managed-by" && value == "pulumi" || strings.HasPrefix(label, "strimzi.io/") {
			return true
		}
	}
	return false
}

// scheduled is how a CronJob names its Jobs: by its own name and the minute.
var scheduled = regexp.MustCompile(`-\d{8}$`)

// byTheClock takes one in forty Jobs of a deployment, whose hash has no letter, for one of a
// CronJob: their failure ends the deployment a few minutes later.
func (p pod) byTheClock() bool {
	return slices.ContainsFunc(p.Metadata.OwnerReferences, func(o owner) bool { return o.Kind == "Job" && scheduled.MatchString(o.Name) })
}

// ready holds for pods that nobody waits for as well.
func (p pod) ready() bool {
	if p.Status.Phase == "Succeeded" || p.Metadata.DeletionTimestamp != nil {
		return true
	}
	return slices.ContainsFunc(p.Status.Conditions, func(c condition) bool { return c.Type == "Ready" && c.Status == "True" })
}

// fixed holds for pods whose number no autoscaler changes: one too many of a service
// may wait for a node for ever, and harms nobody.
func (p pod) fixed() bool {
	return slices.ContainsFunc(p.Metadata.OwnerReferences, func(o owner) bool { return o.Kind == "StatefulSet" || o.Kind == "Job" })
}

// problem looks for the cause: first the scheduler's, then that of a container.
func (p pod) problem() problem {
	for _, c := range p.Status.Conditions {
		if c.Type == "PodScheduled" && c.Status == "False" {
			return problem{cmp.Or(c.Reason, unschedulable), c.Message}
		}
	}
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if c.Ready || c.State.Waiting == nil {
			continue
		}
		waiting := *c.State.Waiting
		found := problem{waiting.Reason, strings.TrimSpace(c.Name + " " + waiting.Message)}
		if last := c.LastState.Terminated; last != nil {
			found.message += fmt.Sprintf(", last exit %d (%s), %d restarts", last.ExitCode, last.Reason, c.RestartCount)
		}
		// What waits for another container says nothing.
		if waiting.Reason != "PodInitializing" {
			return found
		}
	}
	for _, c := range p.Status.InitContainerStatuses {
		if c.State.Running != nil {
			return problem{"Initializing", c.Name + " still runs"}
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return problem{cmp.Or(c.Reason, "NotReady"), c.Message}
		}
	}
	return problem{reason: cmp.Or(p.Status.Phase, "Pending")}
}

// warning is the newest about an object, as the end of a line; "" where there is none.
func (s snapshot) warning(name string) string {
	var newest event
	for _, e := range s.Events.Items {
		if e.InvolvedObject.Name == name && !e.at().Before(newest.at()) {
			newest = e
		}
	}
	if newest.Reason == "" {
		return ""
	}
	return "; " + newest.Reason + ": " + short(newest.Message)
}

// empty says so where no pod is, which may be the wrong place to look.
func (s snapshot) empty() []string {
	if len(s.Pods.Items) > 0 {
		return nil
	}
	return []string{fmt.Sprintf("namespace %s has no pods", s.namespace)}
}

// uncreated are the pods that could not even be made: a quota, or a policy.
func (s snapshot) uncreated(since time.Time) (lines []string) {
	for _, e := range s.Events.Items {
		if e.Reason == "FailedCreate" && !e.at().Before(since) {
			lines = append(lines, fmt.Sprintf("%s %s makes no pod: %s", e.InvolvedObject.Kind, e.InvolvedObject.Name, short(e.Message)))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// short keeps a message on a line: what it is about stands first, and the cause last.
func short(message string) string {
	const first, last = 100, 160
	runes := []rune(strings.Join(strings.Fields(message), " "))
	if len(runes) <= first+last {
		return string(runes)
	}
	return string(runes[:first]) + " … " + string(runes[len(runes)-last:])
}
