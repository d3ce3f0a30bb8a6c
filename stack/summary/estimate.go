package summary

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

const (
	// shardctlName is the Deployment whose pod reaches every shard.
	shardctlName = "shardctl"
	// askFor limits the question, because the rest of the summary waits for it.
	askFor = 30 * time.Second
)

// Estimate is what the shards themselves report about a change of the map: the output
// of `shardctl plan`.
type Estimate struct {
	// Moves start from what the shards own now.
	Moves []EstimatedMove
	// Batches is how often writes of some buckets pause briefly.
	Batches int
	// RowsPerSecond is that of this cluster's last moves if Measured.
	RowsPerSecond float64
	Measured      bool
	Seconds       float64
	// Unread lists shards that did not answer; their rows are not counted.
	Unread []string
	// TooFull says which volumes cannot take everything that moves there.
	TooFull []string
}

// EstimatedMove is everything that moves from one shard to another.
type EstimatedMove struct {
	From, To, Buckets int
	Rows, Bytes       int64
}

// Ask runs `shardctl plan` in the pod that watches the shards, because that reaches
// them where the caller cannot.
func Ask(deployed, planned *Figures) (*Estimate, error) {
	wanted, err := planned.ShardMap.Encode()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), askFor)
	defer cancel()
	cmd := exec.CommandContext(ctx, "kubectl", question(deployed, planned)...)
	var answer, reason bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(wanted), &answer, &reason
	if err := cmd.Run(); err != nil {
		return nil, explain(err, reason.String())
	}
	e := &Estimate{}
	return e, json.Unmarshal(answer.Bytes(), e)
}

// refusedExit is shardctl's exit code for errors that no retry fixes.
const refusedExit = 3

// errRefused means that the shards themselves refuse a change.
var errRefused = errors.New("the shards refuse this change")

// explain finds the reason among the lines that the program and kubectl wrote.
func explain(err error, written string) error {
	reason, _, _ := strings.Cut(strings.TrimSpace(written), "\n")
	for line := range strings.Lines(written) {
		var record struct{ Error string }
		if json.Unmarshal([]byte(line), &record) == nil && record.Error != "" {
			reason = record.Error
		}
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == refusedExit:
		return fmt.Errorf("%w: %s", errRefused, reason)
	case reason == "":
		return err
	}
	return errors.New(reason)
}

// question names the volumes' size only if it changes: the pod knows the current one,
// and may be older than the option.
func question(deployed, planned *Figures) []string {
	args := []string{"exec", "--stdin", "--quiet", "--namespace", deployed.Namespace, "deployment/" + shardctlName}
	if deployed.Context != "" {
		args = append(args, "--context", deployed.Context)
	}
	args = append(args, "--", "/shardctl", "plan", "--to", "-")
	if planned.Volume.Cmp(deployed.Volume) != 0 {
		args = append(args, "--volume", fmt.Sprint(planned.Volume.Value()))
	}
	return args
}

// data says what the moves take, or why there is no answer.
func data(before, after *Figures, ask Asker) []string {
	if ask == nil || before.ShardMap == nil || after.ShardMap == nil || !moves(before, after) {
		return nil
	}
	e, err := ask(before, after)
	switch {
	case errors.Is(err, errRefused):
		return strings.Split(err.Error(), "\n")
	case err != nil:
		return []string{"rows, bytes and duration are not known, because the shards could not be asked: " + err.Error()}
	}
	return e.lines()
}

func (e *Estimate) lines() []string {
	if len(e.Moves) == 0 {
		return []string{"the shards own what they should already"}
	}
	var lines []string
	for _, m := range e.Moves {
		lines = append(lines, fmt.Sprintf("shard %d -> shard %d: %d buckets, about %s rows, %s", m.From, m.To, m.Buckets, thousands(m.Rows), humanize.IBytes(uint64(m.Bytes))))
	}
	rate := "as measured elsewhere, since nothing has moved here yet"
	if e.Measured {
		rate = "as measured in the last moves here"
	}
	lines = append(lines, fmt.Sprintf("about %s at %s rows/s, %s; %d batches, each with a short pause of its writes",
		time.Duration(e.Seconds*float64(time.Second)).Round(time.Second), thousands(int64(e.RowsPerSecond)), rate, e.Batches))
	for _, name := range e.Unread {
		lines = append(lines, name+" did not answer, and its rows are not counted")
	}
	for _, text := range e.TooFull {
		lines = append(lines, "the move that fills it will be refused: "+text)
	}
	return lines
}

func thousands(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
