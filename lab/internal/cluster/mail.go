package cluster

import (
	"context"
	"io"
	"time"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

// StartMail starts the emulator of a mail provider. Its file outlives it.
func StartMail(ctx context.Context, p paths.Paths, log io.Writer) error {
	spec := newSpec(p, "mail", "-listen", Mail, "-http", MailView, "-file", p.Data("mail.jsonl"))
	spec.Files = []string{p.Bin("mail.stamp")}
	if err := ensure(ctx, log, spec); err != nil {
		return err
	}
	return waitFor(ctx, 30*time.Second, "the mail sink", func() error { return answers(ctx, "http://"+MailView+"/ready") })
}
