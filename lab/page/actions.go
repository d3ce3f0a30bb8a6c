package page

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Registered is the outcome of a registration.
type Registered struct {
	// ID is a string: JavaScript's numbers do not hold every id.
	ID    string `json:"id"`
	Name  string `json:"name"`
	Shard string `json:"shard"`
}

// register makes a user through the service, as any client would.
func (p *Page) register(ctx context.Context, name, email string) (Registered, error) {
	body, err := json.Marshal(map[string]string{"name": name, "email": email})
	if err != nil {
		return Registered{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Service+"/users", bytes.NewReader(body))
	if err != nil {
		return Registered{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := p.http.Do(request)
	if err != nil {
		return Registered{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		return Registered{}, err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return Registered{}, fmt.Errorf("the service answers %s: %s", response.Status, content)
	}
	var user struct {
		ID   json.Number
		Name string
	}
	err = json.Unmarshal(content, &user)
	return Registered{ID: user.ID.String(), Name: user.Name, Shard: response.Header.Get("X-Shard")}, err
}

// kill deletes one pod of the stack; its controller makes another.
func (p *Page) kill(ctx context.Context, name string) error {
	return p.Client.CoreV1().Pods(p.Namespace).Delete(ctx, name, meta.DeleteOptions{})
}

// Deploy runs pulumi up on the stack with other values in the section postgres of its
// configuration, and writes what pulumi prints.
type Deploy func(ctx context.Context, postgres map[string]any, output io.Writer) error

// maxShards is what the lab's machine has room for.
const maxShards = 6

var errTask = errors.New("a deployment is running: wait until it has ended")

// tasks runs one deployment at a time.
type tasks struct {
	mu  sync.Mutex
	now Task
}

// keptLines of a deployment's output are shown.
const keptLines = 12

func (t *tasks) state() Task {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now
	now.Lines = slices.Clone(now.Lines)
	return now
}

func (t *tasks) start(title string, do func(io.Writer) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now.Running {
		return errTask
	}
	t.now = Task{Title: title, Running: true, Lines: []string{}}
	go func() {
		err := do(t)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.now.Running = false
		if err != nil {
			t.now.Error = err.Error()
		}
	}()
	return nil
}

// Write keeps the last lines.
func (t *tasks) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			t.now.Lines = append(t.now.Lines, line)
		}
	}
	t.now.Lines = t.now.Lines[max(0, len(t.now.Lines)-keptLines):]
	return len(text), nil
}

// addShard deploys one shard more. The stack's own Job then moves buckets to it.
func (p *Page) addShard(ctx context.Context) error {
	list, err := p.shards.list(ctx)
	if err != nil {
		return err
	}
	if len(list) >= maxShards {
		return fmt.Errorf("the lab has room for %d shards", maxShards)
	}
	return p.tasks.start(fmt.Sprintf("add shard %d", len(list)), func(output io.Writer) error {
		return p.Deploy(context.Background(), map[string]any{"shards": len(list) + 1}, output)
	})
}

// removeShard drains the last shard and then takes it away. Between the two it waits:
// the stack refuses to drop a shard that owns buckets.
func (p *Page) removeShard(ctx context.Context) error {
	list, err := p.shards.list(ctx)
	if err != nil {
		return err
	}
	last := len(list) - 1
	if len(list) <= p.Shards {
		return fmt.Errorf("the configuration has %d shards", p.Shards)
	}
	return p.tasks.start(fmt.Sprintf("drain and remove shard %d", last), func(output io.Writer) error {
		ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
		defer cancel()
		if err := p.Deploy(ctx, map[string]any{"shards": len(list), "drain": []int{last}}, output); err != nil {
			return err
		}
		if err := p.drained(ctx, last, output); err != nil {
			return err
		}
		return p.Deploy(ctx, map[string]any{"shards": last}, output)
	})
}
