package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// Report is a table of results.
type Report struct {
	Title string `json:"title"`
	Lines []Line `json:"lines"`
	// Unit is that of the lines' rates, if they have any.
	Unit string `json:"unit,omitempty"`
	// Notes say what no column shows.
	Notes []string `json:"notes,omitempty"`
}

// Line is one side of a comparison. In JSON, times are in nanoseconds and unknown
// values are absent.
type Line struct {
	Name       string         `json:"name"`
	Operations int            `json:"operations"`
	P50        *time.Duration `json:"p50,omitempty"`
	P99        *time.Duration `json:"p99,omitempty"`
	Longest    time.Duration  `json:"longest"`
	// Ratio50 and Ratio99 compare the percentiles with those of the first line, if the
	// sides took turns.
	Ratio50 *Ratio `json:"ratio50,omitempty"`
	Ratio99 *Ratio `json:"ratio99,omitempty"`
	// Rate is per second, and RatioRate compares it with the first line's.
	Rate      *float64 `json:"rate,omitempty"`
	RatioRate *Ratio   `json:"ratioRate,omitempty"`
}

// Compare reports sides that took turns. The others are measured against the first.
func Compare(title string, results []Result, notes ...string) Report {
	report := List(title, results, notes...)
	for n := 1; n < len(results); n++ {
		line := &report.Lines[n]
		line.Ratio50 = ifKnown(ratioOf(results[n], results[0], 50))
		line.Ratio99 = ifKnown(ratioOf(results[n], results[0], 99))
	}
	return report
}

// List reports results that are not compared.
func List(title string, results []Result, notes ...string) Report {
	report := Report{Title: title, Notes: notes}
	for _, result := range results {
		all := result.All()
		report.Lines = append(report.Lines, Line{Name: result.Name, Operations: len(all), Longest: all.Longest(),
			P50: ifKnown(all.Percentile(50)), P99: ifKnown(all.Percentile(99))})
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
	compared := slices.ContainsFunc(r.Lines, func(l Line) bool { return l.Ratio50 != nil || l.Ratio99 != nil })
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(out, "  \tcount\tp50\tp99\tlongest")
	if compared {
		fmt.Fprint(out, "\tp50 / first\tp99 / first")
	}
	if r.Unit != "" {
		fmt.Fprintf(out, "\t%s\t%[1]s / first", r.Unit)
	}
	for _, l := range r.Lines {
		fmt.Fprintf(out, "\n  %s\t%d\t%s\t%s\t%s", l.Name, l.Operations, orDash(l.P50, Round), orDash(l.P99, Round), Round(l.Longest))
		if compared {
			fmt.Fprintf(out, "\t%s\t%s", orDash(l.Ratio50, Ratio.String), orDash(l.Ratio99, Ratio.String))
		}
		if r.Unit != "" {
			fmt.Fprintf(out, "\t%s\t%s", orDash(l.Rate, digits), orDash(l.RatioRate, Ratio.String))
		}
	}
	fmt.Fprintln(out)
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

// AppendJSON appends the report to a file, as one line.
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
