// Package analytics asks Cloudflare's GraphQL Analytics API how a zone's requests were
// answered.
//
// The figures are Cloudflare's estimates from a sample of the requests
// (https://developers.cloudflare.com/analytics/graphql-api/sampling/). The zone's plan
// limits the time range, and a zone gets 300 answers in five minutes
// (…/graphql-api/limits/).
package analytics

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/scalestack/scalestack/internal/zoneapi"
)

// Permission is what the API token needs for the zone.
const Permission = "Analytics Read"

// Query is what Count asks. requestSource leaves out what a Worker asks the edge for on
// behalf of a visitor.
const Query = `query ($zone: string!, $from: Time!, $to: Time!, $path: string!) {
  viewer {
    zones(filter: {zoneTag: $zone}) {
      httpRequestsAdaptiveGroups(limit: 100, filter: {datetime_geq: $from, datetime_lt: $to, clientRequestPath_like: $path, requestSource: "eyeball"}) {
        count
        dimensions { cacheStatus }
      }
    }
  }
}`

// Counts are requests by their cache status, in lower case: "hit", "miss", "dynamic".
type Counts map[string]int64

// fromCache are the statuses of answers that did not wait for the origin.
// https://developers.cloudflare.com/cache/concepts/cache-responses/
var fromCache = []string{"hit", "stale", "updating", "revalidated"}

// neither are answers that the edge made itself, a redirect or a block for example, which
// no cache could have answered.
var neither = []string{"none", "unknown"}

// known are the statuses that the documentation lists.
var known = slices.Concat(fromCache, neither, []string{"miss", "expired", "bypass", "dynamic"})

// Patterns of cache statuses, as PromQL's matchers take them: what was answered from the
// cache, and what no cache could have answered.
var (
	FromCachePattern = strings.Join(fromCache, "|")
	NeitherPattern   = strings.Join(neither, "|")
)

// Asked is how many requests the cache could have answered.
func (c Counts) Asked() (sum int64) {
	for _, n := range c {
		sum += n
	}
	for _, status := range neither {
		sum -= c[status]
	}
	return sum
}

// Cached is how many it did.
func (c Counts) Cached() (sum int64) {
	for _, status := range fromCache {
		sum += c[status]
	}
	return sum
}

// Ratio is the share of those that it did answer, 0 to 1, and 0 without requests.
func (c Counts) Ratio() float64 {
	if c.Asked() == 0 {
		return 0
	}
	return float64(c.Cached()) / float64(c.Asked())
}

// Count asks for the requests below a path, "/static/*", or for one path.
func Count(ctx context.Context, c *zoneapi.Client, path string, from, to time.Time) (Counts, error) {
	status, text, err := c.Post(ctx, "/graphql", map[string]any{"query": Query, "variables": map[string]string{
		"zone": c.Zone, "path": like(path), "from": from.UTC().Format(time.RFC3339), "to": to.UTC().Format(time.RFC3339),
	}})
	if err != nil {
		return nil, err
	}
	return read(c, status, text)
}

// like is the pattern of a path. Its wildcard is %.
func like(path string) string {
	if folder, all := strings.CutSuffix(path, "*"); all {
		return folder + "%"
	}
	return path
}

type answer struct {
	Data *struct {
		Viewer struct {
			Zones []struct {
				Groups []struct {
					Count      int64
					Dimensions struct{ CacheStatus string }
				} `json:"httpRequestsAdaptiveGroups"`
			}
		}
	}
	Errors []struct{ Message string }
}

// read takes nothing for a count that is not one: GraphQL sends errors with status 200,
// and a zone that the token may not read is left out without one.
func read(c *zoneapi.Client, status int, text []byte) (Counts, error) {
	var a answer
	err := json.Unmarshal(text, &a)
	var said []string
	for _, e := range a.Errors {
		said = append(said, e.Message)
	}
	switch {
	case err != nil && !zoneapi.Telling(status):
		return nil, zoneapi.NotAPI(status)
	case err != nil || status != http.StatusOK || len(a.Errors) > 0 || a.Data == nil:
		return nil, c.Problem(status, said, Permission)
	case len(a.Data.Viewer.Zones) != 1:
		return nil, fmt.Errorf("the API knows no zone %s, or the token may not read it: it needs the permission %s", c.Zone, Permission)
	}
	counts := Counts{}
	for _, group := range a.Data.Viewer.Zones[0].Groups {
		counts[strings.ToLower(group.Dimensions.CacheStatus)] += group.Count
	}
	return counts, nil
}
