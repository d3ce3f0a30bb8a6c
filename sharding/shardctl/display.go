package shardctl

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// display shows progress: on a terminal as a bar with the log above it, elsewhere as
// lines. mpb is well maintained and lets others write above its bars.
type display struct {
	out  io.Writer
	bars *mpb.Progress
	bar  *mpb.Bar
	text atomic.Pointer[string]
}

// steps is how finely the bar moves.
const steps = 1000

func newDisplay(out io.Writer) *display {
	d := &display{out: out}
	d.text.Store(new(string))
	if file, ok := out.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		return d
	}
	d.bars = mpb.New(mpb.WithOutput(out), mpb.WithWidth(40))
	// Without a total at first, a full bar does not end by itself.
	d.bar = d.bars.New(0, mpb.BarStyle(), mpb.AppendDecorators(
		decor.Percentage(decor.WCSyncSpace),
		decor.Any(func(decor.Statistics) string { return " " + *d.text.Load() })))
	d.bar.SetTotal(steps, false)
	return d
}

// show takes a share from 0 to 1. Lines are written when they change.
func (d *display) show(share float64, text string) {
	before := d.text.Swap(&text)
	switch {
	case d.bar != nil:
		d.bar.SetCurrent(int64(share * steps))
	case *before != text:
		fmt.Fprintln(d.out, text)
	}
}

// log returns a log that does not garble the bar.
func (d *display) log(level slog.Level) *slog.Logger {
	if d.bars == nil {
		return NewLog(level)
	}
	return slog.New(slog.NewJSONHandler(d.bars, &slog.HandlerOptions{Level: level}))
}

func (d *display) close() {
	if d.bars == nil {
		return
	}
	d.bar.Abort(false)
	d.bars.Wait()
}
