package cloudflare_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
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
	// ID and State are what it became, where they were noted.
	ID    string
	State props
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
	x, dir := typeOf(t, c.Type)
	editZone(t, dir, zone, func(z props) { z["plan"] = "enterprise" })
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
	if found := unequal("", c.State, state.Mappable()); found != "" {
		return "state: " + found
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

var madeUpID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// madeUp is true of what differs with each creation: ids, a ref without a name
// of its own, times.
func madeUp(name string, value any) bool {
	text, _ := value.(string)
	return name == "createdOn" || name == "modifiedOn" || (name == "id" || name == "ref") && madeUpID.MatchString(text)
}

// unequal names the first property that both states have and that differs.
func unequal(path string, want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return path
		}
		for name, value := range want {
			if other, both := got[name]; both && !madeUp(name, value) {
				if found := unequal(path+"."+name, value, other); found != "" {
					return found
				}
			}
		}
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return path
		}
		for i := range want {
			if found := unequal(fmt.Sprintf("%s[%d]", path, i), want[i], got[i]); found != "" {
				return found
			}
		}
	default:
		if want != got {
			return fmt.Sprintf("%s is %v, and the plugin's is %v", path, got, want)
		}
	}
	return ""
}
