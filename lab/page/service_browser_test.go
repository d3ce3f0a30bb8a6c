//go:build browser

package page

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// The reference service's own page, used as a visitor of the running lab does.
func TestServicePage(t *testing.T) {
	at, dir := os.Getenv("SCALESTACK_SERVICE"), os.Getenv("SCALESTACK_SCREENSHOTS")
	if at == "" || dir == "" {
		t.Skip("pictures of the running lab: make screenshots")
	}
	ctx := browser(t)
	row := func(n string) chromedp.Action[chromedp.Void] {
		return chromedp.WaitVisible(chromedp.CSS("#answers tr:nth-child(" + n + ")"))
	}
	require.NoError(t, chromedp.Do(ctx, prefers("light"), chromedp.Navigate(at),
		chromedp.SendKeys(chromedp.CSS("#create [name=name]"), "Ada"), chromedp.SendKeys(chromedp.CSS("#create [name=email]"), "ada@example.com"),
		chromedp.Click(chromedp.CSS("#create button")), row("1"),
		chromedp.Click(chromedp.CSS("#read button")), row("2"),
		chromedp.Click(chromedp.CSS("#read button")), row("3")))
	cell := func(row, column string) string {
		return value[string](t, ctx, "document.querySelector('#answers tr:nth-child("+row+") td:nth-child("+column+")').textContent")
	}
	require.Equal(t, "201", cell("3", "2"))
	require.Contains(t, cell("3", "3"), "shard-")
	require.Equal(t, []string{"hit", "miss"}, []string{cell("1", "4"), cell("2", "4")})
	require.Contains(t, cell("1", "6"), `"email":"ada@example.com"`)
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "service.png"), picture, 0o644))
}
