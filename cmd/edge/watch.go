package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/internal/edge/analytics"
	"github.com/scalestack/scalestack/internal/zoneapi"
	"github.com/scalestack/scalestack/sharding/ops"
)

const (
	// The API answers 300 questions in five minutes, for all who ask with one account's
	// tokens; half of it is left to others.
	questions     = 150
	questionsTime = 5 * time.Minute
)

type watch struct {
	zoneapi.Options
	paths             []string
	interval, settled time.Duration
	listen, tokenFile string
	// client keeps its connections from one question to the next.
	client *zoneapi.Client
}

func newWatch() *cobra.Command {
	w := &watch{}
	c := &cobra.Command{
		Use:   "watch",
		Short: "Serve metrics of what Cloudflare's edge answers on a real zone",
		Long: `Asks the GraphQL Analytics API now and then for the requests of each path, by cache
status, and serves them as Prometheus counters on /metrics, with /healthz and
/readyz. It is ready once the API has answered for every path.

The token in ` + zoneapi.TokenVariable + ` or in --token-file needs the permission ` + analytics.Permission + ` of the zone.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return w.run(cmd.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&w.Zone, "zone", "", "the zone's id, 32 hexadecimal digits")
	f.StringSliceVar(&w.paths, "path", defaultPaths, "one path, or \"/folder/*\"; can be repeated")
	f.DurationVar(&w.interval, "interval", time.Minute, "how often to ask, 1s to 1h; with all paths at most 150 questions in 5 minutes")
	f.DurationVar(&w.settled, "settled", analytics.Settled, "how long the API may take until a moment is counted whole, 0s to 1h")
	f.StringVar(&w.listen, "listen", ":9090", "address of the metrics")
	f.StringVar(&w.tokenFile, "token-file", "", "file with the token, read for each question; in place of "+zoneapi.TokenVariable)
	f.StringVar(&w.API, "api", zoneapi.DefaultAPI, "base URL of the API; http only for this machine")
	return c
}

func (w *watch) check() error {
	errs := &zoneapi.Mistakes{}
	w.CheckZone(errs)
	w.CheckAPI(errs)
	if w.tokenFile == "" {
		w.Token = os.Getenv(zoneapi.TokenVariable)
		w.CheckToken(errs, analytics.Permission)
	} else if err := w.readToken(); err != nil {
		errs.Addf("--token-file", "%v", err)
	}
	checkPaths(errs, w.paths)
	if w.interval < time.Second || w.interval > time.Hour {
		errs.Addf("--interval", "%s is not between 1s and 1h", w.interval)
	} else if least := time.Duration(len(w.paths)) * questionsTime / questions; w.interval < least {
		errs.Addf("--interval", "%s is too often for %d paths: at least %s", w.interval, len(w.paths), least)
	}
	if w.settled < 0 || w.settled > time.Hour {
		errs.Addf("--settled", "%s is not between 0s and 1h", w.settled)
	}
	if _, _, err := net.SplitHostPort(w.listen); err != nil {
		errs.Addf("--listen", "%q is not an address with a port, such as :9090", w.listen)
	}
	return errs.Err()
}

func (w *watch) run(ctx context.Context) error {
	if err := w.check(); err != nil {
		return err
	}
	w.client = zoneapi.New(w.Options)
	registry := ops.NewRegistry()
	server, err := ops.Start(ctx, w.listen, registry, slog.Default())
	if err != nil {
		return err
	}
	watcher := analytics.NewWatcher(w.count, registry, w.paths, w.interval, w.settled)
	ticker := time.NewTicker(w.interval)
	defer ticker.Stop()
	for {
		errs := watcher.Look(ctx)
		for _, err := range errs {
			if ctx.Err() == nil {
				slog.Warn("no figures", "error", err.Error())
			}
		}
		if len(errs) == 0 {
			server.Ready(true)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// count takes the token that is in the file now: a Secret changes while the program runs.
func (w *watch) count(ctx context.Context, path string, from, to time.Time) (analytics.Counts, error) {
	if w.tokenFile != "" {
		if err := w.readToken(); err != nil {
			return nil, err
		}
		w.client.Token = w.Token
	}
	return analytics.Count(ctx, w.client, path, from, to)
}

func (w *watch) readToken() error {
	text, err := os.ReadFile(w.tokenFile)
	if err != nil {
		return err
	}
	w.Token = strings.TrimSpace(string(text))
	errs := &zoneapi.Mistakes{}
	w.CheckToken(errs, analytics.Permission)
	if errs.Err() != nil {
		return fmt.Errorf("%s holds no token", w.tokenFile)
	}
	return nil
}
