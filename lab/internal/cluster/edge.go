package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

const edgeWatch = "edge-watch"

// StartEdge puts the product's local edge in front of the app, and beside it the product's
// watcher of a zone, which asks the edge as it would ask Cloudflare. The edge takes the
// rules that the stack applied from the folder rules.
func StartEdge(ctx context.Context, p paths.Paths, log io.Writer, origin, rules string) error {
	spec := newSpec(p, "edge", "serve", "--listen", Edge, "--admin", EdgeAdmin, "--origin", "http://"+origin, "--rules", rules)
	spec.Files = []string{p.Bin("edge.stamp")}
	if err := ensure(ctx, log, spec); err != nil {
		return err
	}
	if err := waitFor(ctx, 30*time.Second, "the edge", func() error { return answers(ctx, "http://"+EdgeAdmin+"/__edge/ready") }); err != nil {
		return err
	}
	zone, err := zoneOf(rules)
	if err != nil {
		return err
	}
	watch := newSpec(p, edgeWatch, "watch", "--zone", zone, "--api", "http://"+EdgeAdmin+"/client/v4",
		"--listen", EdgeMetrics, "--interval", "10s", "--settled", "0s")
	watch.Path, watch.Files = p.Bin("edge"), spec.Files
	// The emulator takes any token.
	watch.Env = append(watch.Env, "CLOUDFLARE_API_TOKEN=lab")
	if err := ensure(ctx, log, watch); err != nil {
		return err
	}
	return waitFor(ctx, 30*time.Second, "the edge's metrics", func() error { return answers(ctx, "http://"+EdgeMetrics+"/readyz") })
}

// zoneOf is the folder's only zone; the edge has refused several.
func zoneOf(rules string) (string, error) {
	entries, err := os.ReadDir(rules)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.IsDir() {
			return e.Name(), nil
		}
	}
	return "", fmt.Errorf("%s holds no zone", rules)
}

func answers(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}
