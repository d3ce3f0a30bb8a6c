package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/internal/edge/replay"
)

type generateLog struct {
	lines, apiCalls, images int
	robots                  float64
	seed                    uint64
}

func newGenerateLog() *cobra.Command {
	g, mix := &generateLog{}, replay.MedianMix()
	c := &cobra.Command{
		Use:   "generate-log",
		Short: "Write an access log of a shop with the median page of the web, equal for equal flags",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return g.run(cmd.OutOrStdout()) },
	}
	f := c.Flags()
	f.IntVar(&g.lines, "lines", 1_000_000, "lines to write")
	f.Uint64Var(&g.seed, "seed", 1, "start of the random numbers")
	f.IntVar(&g.apiCalls, "api-calls", mix.APICalls, "API calls of a page view")
	f.IntVar(&g.images, "images", mix.OwnImages, "images that each page has of its own")
	f.Float64Var(&g.robots, "robots", mix.Robots*100, "requests for HTML that robots make, in percent")
	return c
}

func (g *generateLog) run(output io.Writer) error {
	for flag, value := range map[string]int{"lines": g.lines, "api-calls": g.apiCalls, "images": g.images} {
		if value < 0 {
			return fmt.Errorf("--%s: %d is negative", flag, value)
		}
	}
	if g.robots < 0 || g.robots >= 100 {
		return fmt.Errorf("--robots: %g is not at least 0 and below 100", g.robots)
	}
	mix := replay.MedianMix()
	mix.APICalls, mix.OwnImages, mix.Robots = g.apiCalls, g.images, g.robots/100
	return replay.Generate(output, g.lines, g.seed, mix)
}
