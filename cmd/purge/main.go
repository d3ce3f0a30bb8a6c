// Command purge makes Cloudflare's edge forget what a release changed.
//
// It speaks to one endpoint of the API.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/internal/zoneapi"
)

// permission is what the token needs.
const permission = "Cache Purge"

const long = `Makes Cloudflare's edge forget URLs by prefix, tag or file, or what differs
between the manifests of two releases:

    users assets > after.json
    purge --zone <id> --host www.example.com --before before.json --after after.json

Run it when the rollout has ended: an old pod that still answers would be cached
again. Of the manifests, changed, added and removed paths are purged with all
their query strings; removed ones whose name has a hash stay for open pages.

The token in CLOUDFLARE_API_TOKEN needs the permission Cache Purge of the zone.
A purge that failed half-way can be repeated. Browsers keep what they have.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := command(os.Getenv).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

func command(getenv func(string) string) *cobra.Command {
	o := &options{}
	c := &cobra.Command{
		Use:           "purge",
		Short:         "Make Cloudflare's edge forget what a release changed",
		Long:          long,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Token = getenv(zoneapi.TokenVariable)
			calls, err := o.plan()
			if err != nil {
				return err
			}
			return run(cmd, o, calls)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Zone, "zone", "", "the zone's id, 32 hexadecimal digits")
	f.StringArrayVar(&o.prefixes, "prefix", nil, "host and path, for example www.example.com/static; can be repeated")
	f.StringArrayVar(&o.tags, "tag", nil, "value of the origin's Cache-Tag header; can be repeated")
	f.StringArrayVar(&o.files, "file", nil, "whole URL; can be repeated")
	f.StringVar(&o.before, "before", "", "manifest of the release that was")
	f.StringVar(&o.after, "after", "", "manifest of the release that is")
	f.StringArrayVar(&o.hosts, "host", nil, "host name under which visitors see the manifests' paths; can be repeated")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be purged, call nobody")
	f.StringVar(&o.API, "api", zoneapi.DefaultAPI, "base URL of the API; http only for this machine")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "when to give up, retries included; 1s to 1h")
	return c
}

func run(cmd *cobra.Command, o *options, calls []call) error {
	out := cmd.OutOrStdout()
	if len(calls) == 0 {
		fmt.Fprintln(out, "nothing to purge: the releases have the same files")
		return nil
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
	defer cancel()
	client := zoneapi.New(o.Options)
	for i, one := range calls {
		if !o.dryRun {
			if err := one.purge(ctx, client); err != nil {
				return fmt.Errorf("%d of %d calls made: %w", i, len(calls), err)
			}
		}
		for _, name := range one.names {
			fmt.Fprintf(out, "%s %s %s\n", map[bool]string{true: "would purge", false: "purged"}[o.dryRun], one.kind, name)
		}
	}
	return nil
}
