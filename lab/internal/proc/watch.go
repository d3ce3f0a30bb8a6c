package proc

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// watchEvery is how soon it is noticed that a process has ended.
const watchEvery = time.Second

// Watch runs work while all of the lab's processes run. When one ends by itself, whoever waits for what
// it does would wait to the end: work's context ends, and the error is about the process.
func Watch(ctx context.Context, work func(context.Context) error) error {
	watched := find(func(p process) bool { return p.leader })
	logs := map[string]string{}
	for _, p := range watched {
		logs[p.name], _ = os.Readlink(fmt.Sprintf("/proc/%d/fd/1", p.pid))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		for ctx.Err() == nil {
			for _, p := range watched {
				if !p.alive() {
					cancel(fmt.Errorf("%s has ended by itself: %s\nstart it with make up; its log is %s", p.name, lastLine(logs[p.name]), logs[p.name]))
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(watchEvery):
			}
		}
	}()
	err := work(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

func lastLine(file string) string {
	text, _ := os.ReadFile(file)
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return lines[len(lines)-1]
}
