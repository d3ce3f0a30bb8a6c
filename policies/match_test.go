package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
)

func TestSelects(t *testing.T) {
	type object = map[string]any
	labels := object{"app": "web", "zone": rule.Unknown{}}
	term := func(key, operator string, values ...any) object {
		return object{"matchExpressions": []any{object{"key": key, "operator": operator, "values": values}}}
	}
	for name, c := range map[string]struct {
		selector any
		want     match
	}{
		"nothing asked":      {object{}, yes},
		"equal":              {object{"matchLabels": object{"app": "web"}}, yes},
		"other":              {object{"matchLabels": object{"app": "db"}}, no},
		"missing label":      {object{"matchLabels": object{"tier": "web"}}, no},
		"unknown label":      {object{"matchLabels": object{"zone": "a"}}, maybe},
		"unknown selector":   {rule.Unknown{}, maybe},
		"unknown value":      {object{"matchLabels": object{"app": rule.Unknown{}}}, maybe},
		"no beats maybe":     {object{"matchLabels": object{"app": "db", "zone": "a"}}, no},
		"in":                 {term("app", "In", "web", "db"), yes},
		"not in":             {term("app", "NotIn", "web"), no},
		"exists":             {term("app", "Exists"), yes},
		"does not exist":     {term("app", "DoesNotExist"), no},
		"exists not":         {term("tier", "Exists"), no},
		"in unknown":         {term("zone", "In", "a"), maybe},
		"in unknown values":  {term("app", "In", rule.Unknown{}), maybe},
		"operator to come":   {term("app", "Near", "web"), maybe},
		"expression unknown": {object{"matchExpressions": rule.Unknown{}}, maybe},
	} {
		require.Equal(t, c.want, selects(rule.NewNode(c.selector), rule.NewNode(labels)), name)
	}
}

func TestShare(t *testing.T) {
	for value, want := range map[any]int{3.0: 3, "25%": 3, "100%": 10, "1%": 1, "0%": 0} {
		got, ok := share(rule.NewNode(value), 10)
		require.True(t, ok, value)
		require.Equal(t, want, got, value)
	}
	for _, value := range []any{nil, "many", rule.Unknown{}, true} {
		_, ok := share(rule.NewNode(value), 10)
		require.False(t, ok, value)
	}
}
