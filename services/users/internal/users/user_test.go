package users

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidate(t *testing.T) {
	const name, email = "Ada Lovelace", "ada@example.com"
	tests := map[string]struct {
		profile Profile
		want    []Mistake
	}{
		"good":            {Profile{name, email}, nil},
		"any script":      {Profile{"Ωmega 木村", "ada+tag@sub.example.com"}, nil},
		"longest":         {Profile{strings.Repeat("ö", MaxName), email}, nil},
		"both missing":    {Profile{}, []Mistake{{"name", "is required"}, {"email", "is required"}}},
		"long name":       {Profile{strings.Repeat("ö", MaxName+1), email}, []Mistake{{"name", "is longer than 200 characters"}}},
		"padded name":     {Profile{" Ada", email}, []Mistake{{"name", "begins or ends with a space"}}},
		"two lines":       {Profile{"A\u2028da", email}, []Mistake{{"name", "contains a control character"}}},
		"next line":       {Profile{"A\u0085da", email}, []Mistake{{"name", "contains a control character"}}},
		"an escape":       {Profile{"A\x1b[31mda", email}, []Mistake{{"name", "contains a control character"}}},
		"no character":    {Profile{"Ada\ufdd0", email}, []Mistake{{"name", "contains a control character"}}},
		"an override":     {Profile{"Ada\u202e", email}, []Mistake{{"name", "changes the direction of the text after it"}}},
		"an isolate":      {Profile{"\u2067Ada", email}, []Mistake{{"name", "changes the direction of the text after it"}}},
		"an end too many": {Profile{"Ada\u2069", email}, []Mistake{{"name", "changes the direction of the text after it"}}},
		"the wrong end":   {Profile{"\u2067Ada\u202c", email}, []Mistake{{"name", "changes the direction of the text after it"}}},
		"a whole isolate": {Profile{"\u2067علی\u2069 Ada", email}, nil},
		"zero byte":       {Profile{"A\x00da", email}, []Mistake{{"name", "contains a control character"}}},
		"long address":    {Profile{name, strings.Repeat("a", MaxEmail) + "@example.com"}, []Mistake{{"email", "is longer than 254 bytes"}}},
		"no address":      {Profile{name, "ada"}, []Mistake{{"email", "is not an e-mail address such as ada@example.com"}}},
		"name in address": {Profile{name, "Ada <ada@example.com>"}, []Mistake{{"email", "is not an e-mail address such as ada@example.com"}}},
		"two addresses":   {Profile{name, "a@b.c, d@e.f"}, []Mistake{{"email", "is not an e-mail address such as ada@example.com"}}},
	}
	for _, invisible := range []string{
		"\u200b", "\u200d\u200c", "\u200e", "\u202e\u202c", "\u2066\u2069", "\u00ad", "\ufeff", "\u2060", "\U000e0041", // format characters
		"\u3164", "\u115f\u1160", "\uffa0", // letters that show nothing
		"\u034f", "\ufe0f", "\u0301", "\U000e0100", // marks without a letter
		"\u2800", "\u200b\u00a0\u200b", "\ue000", "\u0378", // a blank symbol, spaces inside, private use, not assigned
	} {
		tests[fmt.Sprintf("%+q", invisible)] = struct {
			profile Profile
			want    []Mistake
		}{Profile{invisible, email}, []Mistake{{"name", "has no visible character"}}}
	}
	for _, visible := range []string{"\u200fعلی\u200f", "می\u200cخواهم", "👩\u200d🚀", "?", "7", "e\u0301", "\u200b木"} {
		tests[fmt.Sprintf("%+q", visible)] = struct {
			profile Profile
			want    []Mistake
		}{Profile{visible, email}, nil}
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) { require.Equal(t, test.want, test.profile.Validate()) })
	}
}
