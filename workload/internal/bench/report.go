package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"
)

// Report is a table of results, the first of which is the bare one that the
// others are compared with.
type Report struct {
	Title string `json:"title"`
	Lines []Line `json:"lines"`
	// Notes are what no column has.
	Notes []string `json:"notes,omitempty"`
}

// Line is one side of a comparison. Times are in nanoseconds in JSON; what is
// not known is absent.
type Line struct {
	Name       string         `json:"name"`
	Operations int            `json:"operations"`
	P50        *time.Duration `json:"p50,omitempty"`
	P99        *time.Duration `json:"p99,omitempty"`
	Longest    time.Duration  `json:"longest"`
	// Ratio50 and Ratio99 compare the percentiles with those of the first line.
	Ratio50 *Ratio `json:"ratio50,omitempty"`
	Ratio99 *Ratio `json:"ratio99,omitempty"`
}

// NewReport compares results with the first of them.
func NewReport(title string, results []Result, notes ...string) Report {
	report := Report{Title: title, Notes: notes}
	for n, result := range results {
		all := result.All()
		line := Line{Name: result.Name, Operations: len(all), Longest: all.Longest(),
			P50: ifKnown(all.Percentile(50)), P99: ifKnown(all.Percentile(99))}
		if n > 0 {
			line.Ratio50 = ifKnown(ratioOf(result, results[0], 50))
			line.Ratio99 = ifKnown(ratioOf(result, results[0], 99))
		}
		report.Lines = append(report.Lines, line)
	}
	return report
}

func ifKnown[T any](value T, known bool) *T {
	if !known {
		return nil
	}
	return &value
}

// WriteText writes the report for people.
func (r Report) WriteText(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "\n%s\n", r.Title); err != nil {
		return err
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "  \tcount\tp50\tp99\tlongest\tp50 / first\tp99 / first")
	for _, l := range r.Lines {
		fmt.Fprintf(out, "  %s\t%d\t%s\t%s\t%s\t%s\t%s\n", l.Name, l.Operations,
			orDash(l.P50, Round), orDash(l.P99, Round), Round(l.Longest), orDash(l.Ratio50, Ratio.String), orDash(l.Ratio99, Ratio.String))
	}
	for _, note := range r.Notes {
		fmt.Fprintf(out, "  %s\n", note)
	}
	return out.Flush()
}

func orDash[T, S any](value *T, show func(T) S) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprint(show(*value))
}

// AppendJSON adds the report to a file, as one line.
func (r Report) AppendJSON(file string) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = out.Write(append(line, '\n'))
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}
