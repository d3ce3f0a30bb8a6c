package main

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
)

func mutations() map[string]mutation {
	all := map[string]mutation{}
	for _, table := range []map[string]mutation{podMutations, containerMutations, objectMutations, crossMutations, dataMutations, edgeMutations, visibleMutations, rightsMutations, spellingMutations} {
		for name, m := range table {
			all[name] = m
		}
	}
	return all
}

// Each mistake makes exactly the policy that is about it speak.
func TestMutations(t *testing.T) {
	recorded := map[string]rule.Graph{}
	for _, env := range environments {
		recorded[env] = record(t, env)
	}
	for name, m := range mutations() {
		for _, env := range environments {
			if m.only != "" && m.only != env {
				continue
			}
			t.Run(name+"/"+env, func(t *testing.T) {
				graph := slices.Clone(recorded[env])
				for _, change := range m.edits {
					graph = change(t, graph)
				}
				requireSays(t, m, env, graph)
			})
		}
	}
}

func requireSays(t *testing.T, m mutation, env string, graph rule.Graph) {
	t.Helper()
	var found []rule.Violation
	for _, one := range rules() {
		var config map[string]any
		if one.Name == m.policy {
			config = m.config
		}
		violations, err := one.Violations(env, config, graph)
		require.NoError(t, err)
		found = append(found, violations...)
	}
	require.NotEmpty(t, found, "no policy speaks")
	text := ""
	for _, v := range found {
		require.Equal(t, m.policy, v.Rule, v.Message())
		for _, part := range []string{v.At, v.Found, v.Allowed, v.Fix, v.Resource.URN} {
			require.NotEmpty(t, part, v.Message())
		}
		text += v.Message() + "\n"
	}
	require.Contains(t, text, m.says)
}

func TestMutationsAreEnough(t *testing.T) {
	all := mutations()
	require.GreaterOrEqual(t, len(all), 60)
	said := map[string]bool{}
	for _, m := range all {
		said[m.policy] = true
	}
	for _, one := range rules() {
		require.True(t, said[one.Name], "no mutation for policy %s", one.Name)
	}
}
