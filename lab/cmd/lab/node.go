package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/lab/internal/cluster"
	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
)

func newNode() *cobra.Command {
	return &cobra.Command{
		Use:   "node NAME " + strings.Join(cluster.ActionNames(), "|"),
		Short: "Break a node of a lab with several, and mend it",
		Long:  effects(),
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := paths.Find()
			if err != nil {
				return err
			}
			if err := preflight(p); err != nil {
				return err
			}
			if proc.Find("kube-apiserver") == 0 {
				return errors.New("the lab is not running. Fix: make up NODES=3")
			}
			return cluster.Break(cmd.Context(), p, os.Stderr, args[0], args[1])
		},
	}
}

func effects() string {
	var text strings.Builder
	for _, a := range cluster.Actions {
		fmt.Fprintf(&text, "%-8s%s\n", a.Name, a.Effect)
	}
	return text.String()
}
