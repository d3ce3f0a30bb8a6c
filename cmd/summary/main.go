// Command summary reads the output of `pulumi preview --json --show-sames` on
// its standard input and prints what would change, in a few lines. How much data
// a change of the shards moves is asked with kubectl, as far as that is possible.
package main

import (
	"fmt"
	"os"

	"github.com/scalestack/scalestack/stack/summary"
)

func main() {
	deployed, planned, err := summary.FromPreview(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(1)
	}
	fmt.Print(summary.Text(deployed, planned, summary.Ask))
}
