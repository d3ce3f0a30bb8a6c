package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/internal/edge/analytics"
	"github.com/scalestack/scalestack/internal/zoneapi"
)

type zoneRatio struct {
	zoneapi.Options
	paths          []string
	since, timeout time.Duration
	goal           float64
}

func newZoneRatio() *cobra.Command {
	z := &zoneRatio{}
	c := &cobra.Command{
		Use:   "zone-ratio",
		Short: "Ask Cloudflare what its edge answered from the cache on a real zone",
		Long: `Asks the GraphQL Analytics API for the requests of each path, by cache status, and
for the share that the edge answered without waiting for the origin. Cloudflare
estimates them from a sample.

The token in ` + zoneapi.TokenVariable + ` needs the permission ` + analytics.Permission + ` of the zone.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			z.Token = os.Getenv(zoneapi.TokenVariable)
			return z.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&z.Zone, "zone", "", "the zone's id, 32 hexadecimal digits")
	f.StringSliceVar(&z.paths, "path", defaultPaths, "one path, or \"/folder/*\"; can be repeated")
	f.DurationVar(&z.since, "since", 23*time.Hour, "how far back; 10m to 720h, of which the zone's plan may allow less")
	f.Float64Var(&z.goal, "goal", 0, "fail below this hit ratio of all these paths together, in percent")
	f.StringVar(&z.API, "api", zoneapi.DefaultAPI, "base URL of the API; http only for this machine")
	f.DurationVar(&z.timeout, "timeout", time.Minute, "when to give up, retries included; 1s to 1h")
	return c
}

func (z *zoneRatio) check() error {
	errs := &zoneapi.Mistakes{}
	z.CheckZone(errs)
	z.CheckAPI(errs)
	z.CheckToken(errs, analytics.Permission)
	checkPaths(errs, z.paths)
	if z.since < 10*time.Minute || z.since > 720*time.Hour {
		errs.Addf("--since", "%s is not between 10m and 720h", z.since)
	}
	if z.goal < 0 || z.goal > 100 {
		errs.Addf("--goal", "%g is not between 0 and 100", z.goal)
	}
	zoneapi.CheckTimeout(errs, z.timeout)
	return errs.Err()
}

func (z *zoneRatio) run(ctx context.Context, output io.Writer) error {
	if err := z.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, z.timeout)
	defer cancel()
	to := time.Now().Add(-analytics.Settled)
	client, all := zoneapi.New(z.Options), analytics.Counts{}
	table := tabwriter.NewWriter(output, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "path\trequests\tfrom the cache\tby status")
	for _, path := range z.paths {
		counts, err := analytics.Count(ctx, client, path, to.Add(-z.since), to)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for status, n := range counts {
			all[status] += n
		}
		writeCounts(table, path, counts)
	}
	writeCounts(table, "all of them", all)
	if err := table.Flush(); err != nil {
		return err
	}
	return z.judge(all)
}

// judge fails where the goal is not met, and where nothing says that it is.
func (z *zoneRatio) judge(all analytics.Counts) error {
	if z.goal > 0 && all.Asked() == 0 {
		return fmt.Errorf("no request for these paths in %s, so nothing shows the goal of %g %%", z.since, z.goal)
	}
	return requireRatio(all.Ratio(), z.goal)
}

func writeCounts(w io.Writer, name string, c analytics.Counts) {
	ratio := "-"
	if c.Asked() > 0 {
		ratio = fmt.Sprintf("%.1f %%", c.Ratio()*100)
	}
	var statuses []string
	for _, status := range slices.Sorted(maps.Keys(c)) {
		statuses = append(statuses, fmt.Sprintf("%s %d", status, c[status]))
	}
	fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", name, c.Asked(), ratio, strings.Join(statuses, ", "))
}
