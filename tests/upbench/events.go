package upbench

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Step is how long the engine was busy with one resource: the call of its provider and what
// that waits for, but not what the resource itself had to wait for. Its times are whole
// seconds, which is all that the engine's log has: sums of many are right, one alone is not.
type Step struct {
	URN, Type  string
	Begun, End int
}

// Seconds that the step took.
func (s Step) Seconds() int { return s.End - s.Begun }

// Steps reads the steps of an update's custom resources from the log that pulumi writes with
// --event-log.
func Steps(log io.Reader) (map[string]Step, error) {
	type event struct {
		Metadata struct {
			URN  string `json:"urn"`
			Type string `json:"type"`
			New  struct {
				Custom bool `json:"custom"`
			} `json:"new"`
		} `json:"metadata"`
	}
	steps := map[string]Step{}
	lines := json.NewDecoder(log)
	for {
		var line struct {
			Timestamp int    `json:"timestamp"`
			Begun     *event `json:"resourcePreEvent"`
			Done      *event `json:"resOutputsEvent"`
		}
		switch err := lines.Decode(&line); {
		case errors.Is(err, io.EOF):
			return steps, nil
		case err != nil:
			return nil, fmt.Errorf("the engine's log: %w", err)
		}
		if e := line.Begun; e != nil && e.Metadata.New.Custom {
			steps[e.Metadata.URN] = Step{e.Metadata.URN, e.Metadata.Type, line.Timestamp, line.Timestamp}
		}
		if e := line.Done; e != nil {
			if step, begun := steps[e.Metadata.URN]; begun {
				step.End = line.Timestamp
				steps[e.Metadata.URN] = step
			}
		}
	}
}

// Kind sums up the steps of one type of resource.
type Kind struct {
	Type                    string
	Count, Seconds, Longest int
}

// Kinds are sorted by what they took together, the most first.
func Kinds(steps map[string]Step) []Kind {
	sums := map[string]Kind{}
	for _, step := range steps {
		k := sums[step.Type]
		sums[step.Type] = Kind{step.Type, k.Count + 1, k.Seconds + step.Seconds(), max(k.Longest, step.Seconds())}
	}
	return slices.SortedFunc(maps.Values(sums), func(a, b Kind) int {
		return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Type, b.Type))
	})
}

// Path is the chain of steps that ended last: each began after the one before it, which
// was the last of what it depends on. Where every worker is busy, a step waits for one as well.
func (s State) Path(steps map[string]Step) []Step {
	needs := map[string][]string{}
	for _, r := range s.Deployment.Resources {
		needs[r.URN] = r.Dependencies
	}
	path := []Step{last(slices.Collect(maps.Values(steps)))}
	for {
		var before []Step
		for _, urn := range needs[path[0].URN] {
			if step, made := steps[urn]; made {
				before = append(before, step)
			}
		}
		if len(before) == 0 {
			return path
		}
		path = slices.Insert(path, 0, last(before))
	}
}

func last(steps []Step) Step {
	return slices.MaxFunc(append(steps, Step{}), func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.End, b.End), cmp.Compare(b.URN, a.URN))
	})
}

// Name of the resource, without its stack and its parents.
func (s Step) Name() string { return s.URN[strings.LastIndex(s.URN, ":")+1:] }
