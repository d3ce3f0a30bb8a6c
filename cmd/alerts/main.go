// Command alerts prints the alerts of the stack as Prometheus rules.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/internal/alerts"
)

const long = `Prints the alerts of the stack: a file of rules for Prometheus (rule_files) or
vmalert, or with --operator the PrometheusRule for the Prometheus operator:

    alerts > rules.yaml
    alerts --operator --label release=prometheus | kubectl -n monitoring apply -f -

docs/metrics.md says which scrapers the rules need.`

func main() {
	if err := command().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	o := alerts.Defaults()
	var operator bool
	var labels map[string]string
	c := &cobra.Command{
		Use: "alerts", Short: "Print the alerts as Prometheus rules", Long: long,
		Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			errs := o.Check()
			if len(labels) > 0 && !operator {
				errs = append(errs, errors.New("label: is for --operator"))
			}
			if err := errors.Join(errs...); err != nil {
				return err
			}
			file := alerts.NewFile(alerts.Groups(o), o)
			var what any = file
			if operator {
				what = alerts.NewPrometheusRule(file, labels)
			}
			text, err := alerts.Encode(what)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	f := c.Flags()
	f.BoolVar(&operator, "operator", false, "print a PrometheusRule instead of a file")
	f.StringToStringVar(&labels, "label", nil, "label of the PrometheusRule, as its operator's ruleSelector asks for; may be repeated")
	f.StringVar(&o.Runbooks, "runbooks", o.Runbooks, "address of the runbooks' folder, with a slash at its end")
	f.IntVar(&o.DiskHours, "disk-hours", o.DiskHours, "how long before a volume is full the alert comes, 1 to 720")
	f.IntVar(&o.CertificateDays, "certificate-days", o.CertificateDays, "how long before a certificate of the shards or the cache expires the alert comes, 1 to 90")
	f.IntVar(&o.ConnectionsPercent, "connections-percent", o.ConnectionsPercent, "of a shard's connections in use, 1 to 100")
	f.Float64Var(&o.ErrorPercent, "error-percent", o.ErrorPercent, "of requests that fail, 0 to 100")
	f.Float64Var(&o.EdgePercent, "edge-percent", o.EdgePercent, "of a path's requests that the edge is to answer from its cache, 0 to 100")
	f.IntVar(&o.Lag, "lag", o.Lag, "events that a consumer group may be behind, at least 1")
	f.IntVar(&o.GoneHours, "gone-hours", o.GoneHours, "for how long metrics that have ended are missed, 1 to 168")
	return c
}
