package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
)

var update = flag.Bool("update", false, "write the tables of docs/policies.md")

const (
	begin = "<!-- written by: go test ./policies -run Table -update -->\n"
	end   = "<!-- end of what is written -->\n"
)

// The tables for people are the rules in other words and nothing else.
func TestTable(t *testing.T) {
	path := filepath.Join("..", "docs", "policies.md")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok, "%s has no place for the tables", path)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "%s has no end of the tables", path)
	want := before + begin + tables() + end + after
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		text = []byte(want)
	}
	require.Equal(t, want, string(text), "run go test ./policies -run Table -update")
}

func tables() string {
	var out strings.Builder
	out.WriteString("\n| policy | level | sees | what must hold, and why |\n|---|---|---|---|\n")
	for _, one := range rules() {
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", one.Name, one.Level, sees(one), one.Description)
	}
	out.WriteString("\n| setting | meaning | default |\n|---|---|---|\n")
	for _, one := range rules() {
		if one.NeedsOptions {
			continue
		}
		for _, s := range one.Settings {
			standard, err := json.Marshal(s.Default)
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(&out, "| `%s.%s` | %s | `%s` |\n", one.Name, s.Name, s.Meaning, standard)
		}
	}
	return out.String() + "\n"
}

func sees(one rule.Rule) string {
	switch {
	case one.NeedsOptions:
		return "each object, in tests only"
	case one.All != nil:
		return "the whole stack"
	}
	return "each object"
}
