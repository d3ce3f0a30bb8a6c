package users

import (
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
		"zero byte":       {Profile{"A\x00da", email}, []Mistake{{"name", "contains a control character"}}},
		"long address":    {Profile{name, strings.Repeat("a", MaxEmail) + "@example.com"}, []Mistake{{"email", "is longer than 254 bytes"}}},
		"no address":      {Profile{name, "ada"}, []Mistake{{"email", "is not an e-mail address such as ada@example.com"}}},
		"name in address": {Profile{name, "Ada <ada@example.com>"}, []Mistake{{"email", "is not an e-mail address such as ada@example.com"}}},
		"two addresses":   {Profile{name, "a@b.c, d@e.f"}, []Mistake{{"email", "is not an e-mail address such as ada@example.com"}}},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) { require.Equal(t, test.want, test.profile.Validate()) })
	}
}
