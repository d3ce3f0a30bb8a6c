package summary

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// preview is the part of Pulumi's output that is read here.
type preview struct {
	Steps []struct {
		URN      string `json:"urn"`
		OldState *state `json:"oldState"`
		NewState *state `json:"newState"`
	} `json:"steps"`
	Diagnostics []struct {
		Severity string `json:"severity"`
		Message  string `json:"message"`
	} `json:"diagnostics"`
}

// state is one resource. Its inputs stay encoded until their type is known.
type state struct {
	Type   string          `json:"type"`
	Inputs json.RawMessage `json:"inputs"`
}

// FromPreview reads the output of `pulumi preview --json --show-sames` and
// returns the figures of what is deployed and of what would be.
func FromPreview(r io.Reader) (deployed, planned *Figures, err error) {
	var p preview
	if err := json.NewDecoder(r).Decode(&p); err != nil {
		return nil, nil, fmt.Errorf("this is not the output of pulumi preview --json: %w", err)
	}
	for _, d := range p.Diagnostics {
		if d.Severity == "error" { // the plan ends where it failed
			return nil, nil, fmt.Errorf("the preview failed: %s", strings.TrimSpace(d.Message))
		}
	}
	before, after := map[string]state{}, map[string]state{}
	for _, step := range p.Steps {
		// A replacement is several steps of one URN; each names what it knows.
		if step.OldState != nil {
			before[step.URN] = *step.OldState
		}
		if step.NewState != nil {
			after[step.URN] = *step.NewState
		}
	}
	if deployed, err = figures(before); err != nil {
		return nil, nil, fmt.Errorf("deployed: %w", err)
	}
	if planned, err = figures(after); err != nil {
		return nil, nil, fmt.Errorf("planned: %w", err)
	}
	return deployed, planned, nil
}

func figures(resources map[string]state) (*Figures, error) {
	c := collector{surge: map[string]deployment{}, Figures: Figures{Replicas: map[string]Bounds{}, Disks: quantities{}}}
	for _, urn := range slices.Sorted(maps.Keys(resources)) {
		one := resources[urn]
		read, ok := readers[one.Type]
		if !ok {
			continue
		}
		if err := read(&c, one.Inputs); err != nil {
			return nil, fmt.Errorf("%s: %w", urn, err)
		}
	}
	c.connections()
	return &c.Figures, nil
}
