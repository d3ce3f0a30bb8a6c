//go:build e2e

package e2e

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// from is the commit to upgrade from: FROM, or the one before this.
func from(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(command(t, "git", "rev-parse", "--short", cmp.Or(os.Getenv("FROM"), "HEAD~1")))
}

// upOf deploys the stack with the program of another commit.
func (s failoverStack) upOf(commit string, members int) {
	s.Helper()
	folder := filepath.Join(s.TempDir(), "former")
	command(s.T, "git", "worktree", "add", "--detach", folder, commit)
	s.Cleanup(func() { _, _ = try(s.T, "git", "worktree", "remove", "--force", folder) })
	s.setMembers(members)
	s.pulumi("up", "--yes", "--skip-preview", "--cwd", folder)
	s.Logf("deployed with members %d by the program of %s", members, commit)
}

// upgrade deploys this program over that of another commit, for which the members restart one after the other.
func (f *failover) upgrade() {
	f.settle()
	f.underLoad("upgrade", func() {
		began := time.Now()
		f.stack.up(members)
		f.settle()
		pause := f.pulse.pauseAfter(began)
		f.t.Logf("upgrade from %s: %.1f s without an acknowledged write", from(f.t), pause.Seconds())
		assert.LessOrEqual(f.t, pause, 15*time.Second, "a switchover takes 3 s on a calm machine")
	})
}
