// Package step runs the parts of a long command one after another and reports progress:
// what is being done, for how long, and the end of the log of a part that failed.
package step

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/term"
)

// tail is how much of a failed step's log is shown.
const tail = 25

// Runner prints the steps of one command.
type Runner struct {
	Out   io.Writer
	LogOf func(name string) string

	start time.Time
	took  []timing
}

type timing struct {
	title string
	time  time.Duration
}

// Log is what one step writes to. What is written goes to its log file.
type Log struct {
	*os.File
	note atomic.Value
}

// Note sets a few words on the progress, shown beside the running time.
func (l *Log) Note(format string, args ...any) { l.note.Store(fmt.Sprintf(format, args...)) }

func (l *Log) progress() string {
	text, _ := l.note.Load().(string)
	return text
}

// Do runs one step. The error it returns is what do returned; the end of the
// step's log was shown by then.
func (r *Runner) Do(ctx context.Context, name, title string, do func(context.Context, *Log) error) error {
	if r.start.IsZero() {
		r.start = time.Now()
	}
	r.took = append(r.took, timing{title: title})
	log, err := open(r.LogOf(name))
	if err != nil {
		return err
	}
	defer log.Close()
	began := time.Now()
	stopTicker := r.tick(title, began, log)
	err = do(ctx, log)
	stopTicker()
	last := &r.took[len(r.took)-1]
	last.time = time.Since(began)
	r.line(title, last.time, log.progress(), err == nil)
	if err != nil {
		r.explain(log.Name(), err)
	}
	return err
}

// Elapsed is the time since the first step began.
func (r *Runner) Elapsed() time.Duration { return time.Since(r.start) }

// Times prints how long each step took, one a line.
func (r *Runner) Times() {
	for _, step := range r.took {
		fmt.Fprintf(r.Out, "  %-46s %7s\n", step.title, round(step.time))
	}
}

func open(path string) (*Log, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &Log{File: file}, nil
}

// tick shows a running step: in place on a terminal, else a line now and then,
// so that the log of a CI run stays short.
func (r *Runner) tick(title string, began time.Time, log *Log) func() {
	every, end := 20*time.Second, "\n"
	if r.terminal() {
		every, end = time.Second, ""
	}
	ticker, done, ended := time.NewTicker(every), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				r.erase()
				fmt.Fprintf(r.Out, "%s%s", r.text("…", title, time.Since(began), log.progress()), end)
			case <-done:
				return
			}
		}
	}()
	return func() { ticker.Stop(); close(done); <-ended; r.erase() }
}

func (r *Runner) line(title string, took time.Duration, note string, ok bool) {
	mark := "✓"
	if !ok {
		mark = "✗"
	}
	fmt.Fprintln(r.Out, r.text(mark, title, took, note))
}

func (r *Runner) text(mark, title string, took time.Duration, note string) string {
	if note != "" {
		note = "  " + note
	}
	return fmt.Sprintf("%s %2d  %-44s %7s%s", mark, len(r.took), title, round(took), note)
}

func (r *Runner) explain(path string, err error) {
	content, _ := os.ReadFile(path)
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	if len(lines) > tail {
		lines = lines[len(lines)-tail:]
	}
	fmt.Fprintf(r.Out, "\n  the end of %s:\n", path)
	for _, line := range lines {
		fmt.Fprintf(r.Out, "  | %s\n", line)
	}
	fmt.Fprintf(r.Out, "\n  %v\n", err)
}

func (r *Runner) erase() {
	if r.terminal() {
		fmt.Fprint(r.Out, "\r\x1b[K")
	}
}

func (r *Runner) terminal() bool {
	file, ok := r.Out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func round(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
