package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/internal/edge/rules"
	"github.com/scalestack/scalestack/internal/edge/verify"
)

type verifyOrigin struct {
	rules, origin string
	paths         []string
	options       verify.Options
}

func newVerifyOrigin() *cobra.Command {
	v := &verifyOrigin{}
	c := &cobra.Command{
		Use:   "verify-origin [path…]",
		Short: "Check an origin's headers against the rules: what will not be cached and why, and what would cache more",
		RunE:  func(cmd *cobra.Command, args []string) error { return v.run(cmd, args) },
	}
	f := c.Flags()
	f.StringVar(&v.rules, "rules", "", "folder with the applied rules, for example components/cdn/testdata/edge")
	f.StringVar(&v.origin, "origin", "", "base URL of the app")
	f.StringSliceVar(&v.paths, "paths", nil, "paths to ask for, separated by commas; more may follow as arguments")
	f.StringVar(&v.options.Host, "host", "", "host name that visitors use (default: the origin's)")
	f.StringVar(&v.options.Scheme, "scheme", "", "scheme that visitors use (default: the origin's)")
	c.MarkFlagRequired("rules")
	c.MarkFlagRequired("origin")
	return c
}

func (v *verifyOrigin) run(cmd *cobra.Command, args []string) error {
	paths := append(v.paths, args...)
	if len(paths) == 0 {
		return fmt.Errorf("no path given: --paths /static/app.js,/images/logo.png")
	}
	for _, p := range paths {
		if p == "" || p[0] != '/' {
			return fmt.Errorf("--paths: %q does not begin with /", p)
		}
	}
	var err error
	if v.options.Rules, err = rules.Load(v.rules); err != nil {
		return err
	}
	if v.options.Origin, err = parseOrigin(v.origin); err != nil {
		return err
	}
	result, err := verify.Check(cmd.Context(), v.options, paths)
	if err != nil {
		return err
	}
	failed, err := result.Write(cmd.OutOrStdout())
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d paths are not what their rules say", failed, len(result.Findings))
	}
	return err
}
