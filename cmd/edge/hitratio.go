package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/internal/edge/replay"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

type hitRatio struct {
	rules, log, plot string
	goal             float64
	options          replay.Options
}

func newHitRatio() *cobra.Command {
	h := &hitRatio{}
	c := &cobra.Command{
		Use:   "hit-ratio",
		Short: "Replay an access log through the rules",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return h.run(cmd.InOrStdin(), cmd.OutOrStdout()) },
	}
	f := c.Flags()
	f.StringVar(&h.rules, "rules", "", "folder with the applied rules, for example components/cdn/testdata/edge")
	f.StringVar(&h.log, "log", "-", "log in common or combined format, plain or gzip; - reads standard input")
	f.StringVar(&h.plot, "plot", "", "SVG file for the hit ratio over time")
	f.Float64Var(&h.goal, "goal", 0, "fail below this hit ratio of all requests, in percent")
	f.StringVar(&h.options.Host, "host", "www.example.com", "host of all requests, which a log does not hold")
	f.StringVar(&h.options.Scheme, "scheme", "https", "scheme of all requests")
	f.StringVar(&h.options.CacheControl, "cache-control", "", "Cache-Control that the origin is taken to send; none by default")
	f.IntVar(&h.options.Objects, "objects", 1_000_000, "objects that the edge is taken to keep")
	f.DurationVar(&h.options.WarmUp, "warm-up", 0, "beginning of the log that fills the cache and is not counted, for example 12h")
	c.MarkFlagRequired("rules")
	return c
}

func (h *hitRatio) run(input io.Reader, output io.Writer) error {
	if h.goal < 0 || h.goal > 100 {
		return fmt.Errorf("--goal: %g is not between 0 and 100", h.goal)
	}
	if h.options.WarmUp < 0 {
		return fmt.Errorf("--warm-up: %s is negative", h.options.WarmUp)
	}
	var err error
	if h.options.Rules, err = rules.Load(h.rules); err != nil {
		return err
	}
	if h.log != "-" {
		file, err := os.Open(h.log)
		if err != nil {
			return err
		}
		defer file.Close()
		input = file
	}
	report, err := replay.Run(input, h.options)
	if err != nil {
		return err
	}
	if err := report.Write(output); err != nil {
		return err
	}
	if h.plot != "" {
		if err := h.draw(report); err != nil {
			return err
		}
		fmt.Fprintln(output, "plot:", h.plot)
	}
	return requireRatio(report.All.Ratio(), h.goal)
}

// requireRatio compares a share, 0 to 1, with a goal in percent.
func requireRatio(ratio, goal float64) error {
	if ratio *= 100; ratio < goal {
		return fmt.Errorf("the hit ratio is %.1f %%, below the goal of %g %%", ratio, goal)
	}
	return nil
}

func (h *hitRatio) draw(report *replay.Report) error {
	file, err := os.Create(h.plot)
	if err != nil {
		return err
	}
	return errors.Join(report.Plot(file, h.goal/100), file.Close())
}
