package random_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"
)

// observed is what the official plugin 4.18.4 answered to one resource.
type observed struct {
	Name, Type string
	Inputs     props
	// Refused is why Check refused the inputs, or "".
	Refused     string
	CreateError string
	// ID is the id of the resource, Result or Results what a seed gave.
	ID      string
	Result  *float64
	Results []any
	Diffs   []struct {
		// Change is merged into the inputs; null removes.
		Change   props
		Refused  bool
		Diff     bool
		Replaces []string
	}
}

// The differences that are left, by case, with their reasons.
var differences = map[string]string{
	"password text length":    "the SDK's types cannot say it; a typo in a test is found sooner",
	"password unknown":        "the SDK's types cannot say it; a typo in a test is found sooner",
	"password keepers number": "the SDK's types cannot say it; a typo in a test is found sooner",
	"pet":                     "the product has no pet names: the emulator says that it lacks the type",
}

func TestConformance(t *testing.T) {
	text, err := os.ReadFile("testdata/provider-4.18.4.json")
	require.NoError(t, err)
	var cases []observed
	require.NoError(t, json.Unmarshal(text, &cases))
	require.Len(t, cases, 27)
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
	if c.Type == "RandomPet" {
		return "no such type"
	}
	x := typeOf(t, strings.TrimPrefix(c.Type, "Random"))
	if found := x.Check(c.Inputs); len(found) > 0 != (c.Refused != "") {
		return fmt.Sprintf("check: %q, and the plugin: %q", found, c.Refused)
	}
	if c.Refused != "" {
		return ""
	}
	id, state, err := x.TryCreate(c.Inputs)
	switch {
	case (err != nil) != (c.CreateError != ""):
		return fmt.Sprintf("create: %v, and the plugin: %q", err, c.CreateError)
	case err != nil:
		return ""
	case len(id) != len(c.ID) || len(id) < 5 && id != c.ID:
		return "id: " + id + ", and the plugin: " + c.ID
	}
	if c.Result != nil {
		require.Equal(t, *c.Result, state["result"].NumberValue())
	}
	if c.Results != nil {
		require.Equal(t, c.Results, resource.NewProperty(state["results"].ArrayValue()).Mappable())
	}
	for _, d := range c.Diffs {
		changed := props{}
		for _, part := range []props{c.Inputs, d.Change} {
			for name, value := range part {
				changed[name] = value
				if value == nil {
					delete(changed, name)
				}
			}
		}
		if refused := len(x.Check(changed)) > 0; refused || d.Refused {
			require.Equal(t, d.Refused, refused, "%v", d.Change)
			continue
		}
		replaces, _ := x.Replaces(state, changed)
		if got := x.Diff(state, changed); len(got) > 0 != d.Diff || !slices.Equal(replaces, d.Replaces) {
			return fmt.Sprintf("diff of %v: %v, and the plugin: %v, replaces %v", d.Change, got, d.Diff, d.Replaces)
		}
	}
	return ""
}
