// Command capacity prints what numbers of users take, see docs/scale.md.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/internal/capacity"
)

func main() {
	if err := command().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "capacity:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var users []int64
	var file string
	var defaults bool
	var seed uint64
	c := &cobra.Command{
		Use:   "capacity",
		Short: "What numbers of users take: shards, connections, hours, cost, and what breaks first",
		Long: `Prints a table with a column for each number of users. --input names a file of JSON
with the fields to change, in the form that --defaults prints.`,
		Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if defaults {
				return print(out, capacity.Defaults(users[0]))
			}
			plans, err := plan(users, file, seed)
			if err != nil {
				return err
			}
			_, err = io.WriteString(out, capacity.Table(plans))
			return err
		},
	}
	f := c.Flags()
	f.Int64SliceVar(&users, "users", []int64{10_000_000, 100_000_000, 1_000_000_000}, "numbers of users, separated by commas")
	f.StringVar(&file, "input", "", "file with other constants")
	f.BoolVar(&defaults, "defaults", false, "print the constants and stop")
	f.Uint64Var(&seed, "seed", 1, "of the simulation")
	return c
}

func plan(users []int64, file string, seed uint64) ([]capacity.Plan, error) {
	var plans []capacity.Plan
	for _, n := range users {
		in := capacity.Defaults(n)
		if err := read(file, &in); err != nil {
			return nil, err
		}
		in.Workload.Users = n
		p, err := in.Plan(seed)
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// read leaves alone what the file does not name.
func read(name string, in *capacity.Input) error {
	if name == "" {
		return nil
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(in); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func print(w io.Writer, in capacity.Input) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(in)
}
