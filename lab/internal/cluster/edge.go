package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

// StartEdge puts the product's local edge in front of the app. It takes the
// rules that the stack applied from the folder rules.
func StartEdge(ctx context.Context, p paths.Paths, log io.Writer, origin, rules string) error {
	spec := newSpec(p, "edge", "serve", "--listen", Edge, "--admin", EdgeAdmin, "--origin", "http://"+origin, "--rules", rules)
	spec.Files = []string{p.Bin("edge.stamp")}
	if err := ensure(ctx, log, spec); err != nil {
		return err
	}
	return waitFor(ctx, 30*time.Second, "the edge", func() error { return answers(ctx, "http://"+EdgeAdmin+"/__edge/ready") })
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
