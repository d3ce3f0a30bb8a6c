package kube

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
		want     Match
	}{
		"nothing asked":      {object{}, Yes},
		"equal":              {object{"matchLabels": object{"app": "web"}}, Yes},
		"other":              {object{"matchLabels": object{"app": "db"}}, No},
		"missing label":      {object{"matchLabels": object{"tier": "web"}}, No},
		"unknown label":      {object{"matchLabels": object{"zone": "a"}}, Maybe},
		"unknown selector":   {rule.Unknown{}, Maybe},
		"unknown value":      {object{"matchLabels": object{"app": rule.Unknown{}}}, Maybe},
		"no beats maybe":     {object{"matchLabels": object{"app": "db", "zone": "a"}}, No},
		"in":                 {term("app", "In", "web", "db"), Yes},
		"not in":             {term("app", "NotIn", "web"), No},
		"exists":             {term("app", "Exists"), Yes},
		"does not exist":     {term("app", "DoesNotExist"), No},
		"exists not":         {term("tier", "Exists"), No},
		"in unknown":         {term("zone", "In", "a"), Maybe},
		"in unknown values":  {term("app", "In", rule.Unknown{}), Maybe},
		"operator to come":   {term("app", "Near", "web"), Maybe},
		"expression unknown": {object{"matchExpressions": rule.Unknown{}}, Maybe},
	} {
		require.Equal(t, c.want, Selects(rule.NewNode(c.selector), rule.NewNode(labels)), name)
	}
}

func TestShare(t *testing.T) {
	for value, want := range map[any]int{3.0: 3, "25%": 3, "100%": 10, "1%": 1, "0%": 0} {
		got, ok := Share(rule.NewNode(value), 10)
		require.True(t, ok, value)
		require.Equal(t, want, got, value)
	}
	for _, value := range []any{nil, "many", rule.Unknown{}, true} {
		_, ok := Share(rule.NewNode(value), 10)
		require.False(t, ok, value)
	}
}
