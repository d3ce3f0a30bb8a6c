package cloudflare_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// observed is what the official plugin 5.49.1 answered to one resource, built
// from its source and run against an API that follows Cloudflare's
// documentation as far as reading and writing goes.
type observed struct {
	Name, Type string
	Inputs     props
	// Refused is why Check refused the inputs, or "".
	Refused string
	// Create says that the resource was created, CreateError why that failed.
	Create      bool
	CreateError string
	// ID is the id that it got, where it was noted.
	ID    string
	Diffs []struct {
		// Change is merged into the inputs; null removes.
		Change              props
		Diff                bool
		Replaces            []string
		DeleteBeforeReplace bool
	}
}

// The differences that are left, by case, with their reasons.
const (
	typed  = "the SDK's types cannot say it; a typo in a test is found sooner"
	theAPI = "the API behind the official plugin accepted it; Cloudflare's refuses it"
)

var differences = map[string]string{
	"ruleset unknown field":    typed,
	"rule unknown field":       typed,
	"action parameter unknown": typed,
	"record CNAME ip":          theAPI,
}

func TestConformance(t *testing.T) {
	text, err := os.ReadFile("testdata/provider-5.49.1.json")
	require.NoError(t, err)
	var cases []observed
	require.NoError(t, json.Unmarshal(text, &cases))
	require.Len(t, cases, 163)
	seen := map[string]bool{}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			if why := differences[c.Name]; why != "" {
				seen[c.Name] = true
				require.NotEmpty(t, c.differs(t), "the case agrees now, take it out of the table (%s)", why)
				return
			}
			require.Empty(t, c.differs(t))
		})
	}
	require.Len(t, seen, len(differences), "every difference names a case")
}

// differs says how the emulator answers otherwise, or "".
func (c observed) differs(t *testing.T) string {
	x, _ := typeOf(t, c.Type)
	if found := x.Check(c.Inputs); len(found) > 0 != (c.Refused != "") {
		return fmt.Sprintf("check: %q, and the plugin: %q", found, c.Refused)
	}
	if !c.Create || c.Refused != "" {
		return ""
	}
	id, state, err := x.TryCreate(c.Inputs)
	switch {
	case (err != nil) != (c.CreateError != ""):
		return fmt.Sprintf("create: %v, and the plugin: %q", err, c.CreateError)
	case err != nil:
		return ""
	case c.hasFixedID() && id != c.ID:
		return "id: " + id + ", and the plugin: " + c.ID
	}
	for _, d := range c.Diffs {
		changed := with(c.Inputs, d.Change)
		got := x.Diff(state, changed)
		replaces, first := x.Replaces(state, changed)
		if len(got) > 0 != d.Diff || !slices.Equal(replaces, d.Replaces) || first != d.DeleteBeforeReplace {
			return fmt.Sprintf("diff of %v: %v, delete first %v, and the plugin: %v, replaces %v, delete first %v",
				d.Change, got, first, d.Diff, d.Replaces, d.DeleteBeforeReplace)
		}
	}
	return ""
}

// hasFixedID is false for kinds whose ids the API makes up.
func (c observed) hasFixedID() bool {
	return c.ID != "" && c.Type != "Ruleset" && c.Type != "Record" && c.Type != "PageRule"
}
