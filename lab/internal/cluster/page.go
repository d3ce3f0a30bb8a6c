package cluster

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

// StartPage starts the lab's page. Its buttons call pulumi, which compiles the
// program: it needs this process's environment, which holds nothing of the caller's
// other clusters.
func StartPage(ctx context.Context, p paths.Paths, log io.Writer, namespace, service string) error {
	spec := newSpec(p, "page", "-listen", Page, "-repo", p.Repo, "-namespace", namespace, "-service", "http://"+service,
		"-edge", "http://"+Edge, "-edge-admin", "http://"+EdgeAdmin, "-mail", "http://"+MailView)
	spec.Env = append(os.Environ(), "TMPDIR="+os.TempDir())
	spec.Files = []string{p.Bin("page.stamp")}
	if err := ensure(ctx, log, spec); err != nil {
		return err
	}
	return waitFor(ctx, 30*time.Second, "the page", func() error { return answers(ctx, "http://"+Page+"/ready") })
}
