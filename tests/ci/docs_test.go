package ci

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	docLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	docHeading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	docMake    = regexp.MustCompile("(?m)(?:`|^ {4})make ([a-z0-9-]+)")
	docTest    = regexp.MustCompile(`\b(?:Test|Benchmark)[A-Z]\w+`)
	// A folder after -C, and a package below it.
	docGo = regexp.MustCompile("(?m)go (?:test|run)( -C [\\w./-]+)?[^`\n]*? (\\.[\\w./-]*)")
	// Tags of modules look like paths.
	docPath = regexp.MustCompile("`((?:components|stack|policies|internal|cmd|sharding|services|lab|tests|tools|images|docs|examples)/[\\w./-]+)`")
	docTag  = regexp.MustCompile(`/v[\dX]+\.`)

	makeTarget = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	goTest     = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark)\w+)\(`)
)

// What a page names is there: the file and heading behind a link, the target of make, the
// test, the package, the folder.
func TestPagesNameWhatIsThere(t *testing.T) {
	tree := readTree(t)
	for file, text := range tree.pages {
		for _, match := range docLink.FindAllStringSubmatch(text, -1) {
			tree.checkLink(t, file, match[1])
		}
		for _, match := range docMake.FindAllStringSubmatch(text, -1) {
			assert.Contains(t, tree.targets, match[1], "%s: make %s", file, match[1])
		}
		for _, name := range docTest.FindAllString(text, -1) {
			// A name may be the beginning that -run takes.
			begins := func(test string) bool { return strings.HasPrefix(test, name) }
			assert.True(t, slices.ContainsFunc(tree.tests, begins), "%s: no test %s", file, name)
		}
		for _, match := range docGo.FindAllStringSubmatch(text, -1) {
			folder := strings.TrimSuffix(path.Join(strings.TrimPrefix(match[1], " -C "), match[2]), "/...")
			assert.DirExists(t, filepath.Join(root, folder), "%s: %s", file, match[0])
		}
		for _, match := range docPath.FindAllStringSubmatch(text, -1) {
			if !docTag.MatchString(match[1]) {
				assert.True(t, tree.has(match[1]), "%s: no %s", file, match[1])
			}
		}
	}
}

// tree is what pages may name.
type tree struct {
	pages          map[string]string
	targets, tests []string
}

func readTree(t *testing.T) tree {
	listed, err := in(t, nil, "git", "ls-files")
	require.NoError(t, err, listed)
	all := tree{pages: map[string]string{}}
	for _, file := range strings.Fields(listed) {
		switch {
		case strings.HasSuffix(file, ".md"):
			all.pages[file] = read(t, file)
		case strings.HasSuffix(file, "_test.go"):
			all.tests = append(all.tests, groups(goTest, read(t, file))...)
		case file == "Makefile":
			all.targets = groups(makeTarget, read(t, file))
		}
	}
	require.NotEmpty(t, all.pages)
	return all
}

func (all tree) has(name string) bool {
	name = strings.TrimSuffix(strings.TrimSuffix(name, "..."), "/")
	_, err := os.Stat(filepath.Join(root, name))
	return err == nil
}

func (all tree) checkLink(t *testing.T, file, link string) {
	if strings.Contains(link, ":") {
		return
	}
	name, heading, _ := strings.Cut(link, "#")
	target := file
	if name != "" {
		target = path.Join(path.Dir(file), name)
		assert.True(t, all.has(target), "%s: no file behind the link %s", file, link)
	}
	if text, ok := all.pages[target]; ok && heading != "" {
		assert.Contains(t, headings(text), heading, "%s: no heading behind the link %s", file, link)
	}
}

// headings are written as forges link to them: lower case, hyphens for spaces, and nothing
// else but letters, digits, hyphens and underscores.
func headings(text string) []string {
	var all []string
	for _, heading := range groups(docHeading, text) {
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z':
				return r
			}
			return -1
		}, strings.ToLower(heading)))
	}
	return all
}

func read(t *testing.T, file string) string {
	content, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	return string(content)
}

// groups are the first groups of all matches.
func groups(pattern *regexp.Regexp, text string) []string {
	var all []string
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	return all
}
