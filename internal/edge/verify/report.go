package verify

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/scalestack/scalestack/internal/edge/replay"
)

// Write prints the result for people and returns how many paths failed.
func (r *Result) Write(w io.Writer) (failed int, err error) {
	findings := r.Findings
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "path\tstatus\trule\tat the edge\tin browsers")
	for i := range findings {
		f := &findings[i]
		edge := "not cached"
		if f.Cached {
			edge = f.Edge.String()
		}
		if f.Failed() {
			failed++
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\n", f.Path, f.Status, or(f.Rule, "(none)"), edge, or(f.Browser, "(no Cache-Control)"))
	}
	if err := t.Flush(); err != nil {
		return failed, err
	}
	for i := range findings {
		if err := findings[i].write(w); err != nil {
			return failed, err
		}
	}
	if _, err = fmt.Fprintf(w, "\n%d paths, %d wrong\nAsked for once an hour for a day, %.1f %% would come from the edge.\n",
		len(findings), failed, r.Ratio*100); err != nil {
		return failed, err
	}
	return failed, replay.WriteAdvice(w, r.Advice)
}

func (f *Finding) write(w io.Writer) error {
	var lines []string
	if !f.Cached && !f.Failed() {
		lines = append(lines, "not cached: "+f.Reason)
	}
	for _, text := range f.Wrong {
		lines = append(lines, "WRONG: "+text)
	}
	for _, text := range f.Hints {
		lines = append(lines, "hint: "+text)
	}
	for i, line := range lines {
		if i == 0 {
			line = "\n" + f.Path + "\n  " + line
		} else {
			line = "  " + line
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
