//go:build browser

package page

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// browser is a Chromium without a window; root has no sandbox.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WindowSize(1280, 1000), chromedp.WSURLReadTimeout(2*time.Minute))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(stop)
	return ctx
}

// product is a state with four shards; with moved, one bucket has gone to a fifth.
func product(moved bool) State {
	s := State{
		At: time.Now(), Errors: []string{}, Moves: []Move{}, Autoscalers: []Autoscaler{{Name: "app", Replicas: 3, Min: 3, Max: 10, CPU: 12, TargetCPU: 70}},
		Pods:    []Pod{{Name: "app-1", Part: "app", Ready: true, Phase: "Running"}, {Name: "app-2", Part: "app", Phase: "Pending"}},
		Figures: Figures{Requests: 1000, CacheHits: 3, CacheAll: 4, Handled: map[string]float64{"email": 5}, Edge: map[string]int64{"HIT": 1, "MISS": 1, "DYNAMIC": 7}},
	}
	for bucket := range 960 {
		s.Buckets = append(s.Buckets, bucket%4)
	}
	for id := range 4 {
		s.Shards = append(s.Shards, Shard{ID: id, Name: "postgres-shard", Owned: 240})
	}
	if moved {
		s.Shards = append(s.Shards, Shard{ID: 4, Name: "postgres-shard-4", Owned: 1})
		s.Buckets[0] = 4
		s.Moves = []Move{{From: 1, To: 4, Buckets: 12, State: "copied"}}
	}
	return s
}

// value evaluates a JavaScript expression.
func value[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(t, err, expression)
	return v
}

func text(t *testing.T, ctx context.Context, id string) string {
	t.Helper()
	return value[string](t, ctx, "document.getElementById('"+id+"').textContent")
}

const lastCell = "#grid i:nth-child(960)"

func TestABrowserShowsTheProductLive(t *testing.T) {
	p := New(Options{})
	var moved atomic.Bool
	p.watch.collect = func(context.Context) State { return product(moved.Load()) }
	server := httptest.NewServer(p.Handler())
	defer server.Close()
	ctx := browser(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(server.URL), chromedp.WaitVisible(chromedp.CSS(lastCell)),
		chromedp.Focus(chromedp.CSS("#pods button"))))
	require.Equal(t, "960 buckets: shard 0 has 240, shard 1 has 240, shard 2 has 240, shard 3 has 240", text(t, ctx, "shards-text"))
	require.Equal(t, "75 % of 4", text(t, ctx, "cache"))
	require.Equal(t, "50 % of 2", text(t, ctx, "edge"))
	require.Equal(t, 960, value[int](t, ctx, "document.querySelectorAll('#grid i[class^=shard]').length"))
	require.Equal(t, 1, value[int](t, ctx, "document.querySelectorAll('.pods .waiting').length"))

	moved.Store(true)
	require.NoError(t, chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS("#grid i.shard4"))))
	require.Contains(t, text(t, ctx, "shards-text"), "12 are moving")
	require.Equal(t, "bucket 0: shard 4", value[string](t, ctx, "document.querySelector('#grid i').title"))
	require.Equal(t, "app-1", value[string](t, ctx, "document.activeElement.textContent"), "a new state takes the focus away")
}

// Every control has a name that a screen reader can say, and the page fits a narrow
// window.
func TestEveryControlHasANameAndFits(t *testing.T) {
	p := New(Options{})
	p.watch.collect = func(context.Context) State { return product(false) }
	server := httptest.NewServer(p.Handler())
	defer server.Close()
	ctx := browser(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(360, 800, chromedp.EmulateMobile), chromedp.Navigate(server.URL),
		chromedp.WaitVisible(chromedp.CSS(lastCell))))
	require.Zero(t, value[int](t, ctx, `[...document.querySelectorAll("button, input, [role=img], progress:not([hidden])")]
		.filter((e) => !(e.textContent.trim() || e.labels?.length || e.ariaLabel || e.getAttribute("aria-labelledby"))).length`))
	require.Zero(t, value[int](t, ctx, "document.documentElement.scrollWidth - document.documentElement.clientWidth"), "the page scrolls sideways")
}

// TestScreenshots writes the pictures of docs/ from the running lab.
func TestScreenshots(t *testing.T) {
	at, dir := os.Getenv("SCALESTACK_PAGE"), os.Getenv("SCALESTACK_SCREENSHOTS")
	if at == "" || dir == "" {
		t.Skip("pictures of the running lab: make screenshots")
	}
	ctx := browser(t)
	for _, scheme := range []string{"light", "dark"} {
		require.NoError(t, chromedp.Do(ctx, prefers(scheme), chromedp.Navigate(at), chromedp.WaitVisible(chromedp.CSS(lastCell)),
			chromedp.WaitVisible(chromedp.CSS("#pods button"))))
		picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "page-"+scheme+".png"), picture, 0o644))
	}
}

func prefers(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}
