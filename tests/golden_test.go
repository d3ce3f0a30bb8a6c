package tests

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/scalestack/scalestack/tests/golden"
)

var update = flag.Bool("update", false, "write tests/golden anew")

// canonical is the environment whose whole graph is kept. Of the others only the
// differences are, which is what a reviewer wants to see.
const canonical = "dev"

// The graph of every environment, reviewed as text.
func TestGolden(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		if env == canonical {
			require.NoError(t, compare(goldenFile(env), g.snapshots(), *update))
			return
		}
		base := deployed(t, canonical).snapshots()
		require.NoError(t, compareDifferences(goldenFile(env), base, asCanonical(t, env, g.snapshots()), *update))
	})
}

func goldenFile(env string) string { return filepath.Join("golden", env+".yaml") }

const differs = `the resource graph is not what %s says:

%s
If this is meant, run
  go test ./tests -run TestGolden -update
and commit the files. A resource that was renamed or got another parent needs an alias
(pulumi.Aliases) first, or the next deployment deletes it and creates another.`

// compare holds now against the file, or writes it. What would be deleted and
// created again for a new name is refused in both cases.
func compare(file string, now []snapshot, update bool) error {
	folded, err := golden.Fold(now)
	if err != nil {
		return err
	}
	text, err := encode(folded)
	if err != nil {
		return err
	}
	reviewed, err := os.ReadFile(file)
	if update && errors.Is(err, fs.ErrNotExist) {
		return os.WriteFile(file, text, 0o644)
	}
	if err != nil {
		return err
	}
	var entries []map[string]any
	if err := yaml.Unmarshal(reviewed, &entries); err != nil {
		return err
	}
	before, err := golden.Unfold[snapshot](entries)
	if err != nil {
		return err
	}
	if err := moved(before, now); err != nil {
		return err
	}
	return same(file, reviewed, text, update)
}

// same holds the text against the file, or writes it.
func same(file string, reviewed, text []byte, update bool) error {
	if string(reviewed) == string(text) {
		return nil
	}
	if update {
		return os.WriteFile(file, text, 0o644)
	}
	return fmt.Errorf(differs, file, diff.Diff(file, reviewed, "now", text))
}

// moved names the resources that are still there under another URN which no
// alias connects with the former one.
func moved(before, now []snapshot) error {
	was, reachable := map[string]bool{}, map[string]bool{}
	for _, one := range before {
		was[one.URN] = true
	}
	fresh := map[string]string{}
	for _, one := range now {
		reachable[one.URN] = true
		for _, alias := range one.Aliases {
			reachable[alias] = true
		}
		if !was[one.URN] {
			fresh[one.identity()] = one.URN
		}
	}
	var errs []error
	for _, one := range before {
		if urn := fresh[one.identity()]; !reachable[one.URN] && urn != "" {
			errs = append(errs, fmt.Errorf("%s\nis now\n%s\nwithout an alias: it would be deleted and another created. "+
				"Register it with pulumi.Aliases", one.URN, urn))
		}
	}
	return errors.Join(errs...)
}

// identity is what a resource is, whatever its place in the graph: an object
// of the cluster by its name, anything else by its inputs.
func (s snapshot) identity() string {
	if metadata, ok := s.Inputs["metadata"].(map[string]any); ok && strings.HasPrefix(s.Type, "kubernetes:") {
		return fmt.Sprint(s.Type, metadata["namespace"], metadata["name"])
	}
	return fmt.Sprint(s.Type, s.Inputs)
}
