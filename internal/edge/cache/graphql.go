package cache

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/scalestack/scalestack/internal/edge/analytics"
)

// question is what package analytics sends. The emulator knows no other query.
type question struct {
	Query     string
	Variables struct {
		Zone, Path string
		From, To   time.Time
	}
}

// group is one row of httpRequestsAdaptiveGroups.
type group struct {
	Count      int64 `json:"count"`
	Dimensions struct {
		CacheStatus string `json:"cacheStatus"`
	} `json:"dimensions"`
}

// handleGraphQL emulates the GraphQL Analytics API over the edge's own answers, as far as
// the watcher's query goes. Errors come with status 200, and a zone that is not this
// one is left out without one, as there.
func (e *Edge) handleGraphQL(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	refuse := func(status int, problem string) {
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{"data": nil, "errors": []any{map[string]any{"message": problem}}})
	}
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	var q question
	switch err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&q); {
	case !bearer || token == "":
		refuse(http.StatusForbidden, "not authorized")
	case err != nil:
		refuse(http.StatusBadRequest, "the body is no question: "+err.Error())
	default:
		groups, err := e.groups(q)
		if err != nil {
			refuse(http.StatusOK, err.Error())
			return
		}
		zones := []any{}
		if q.Variables.Zone == e.Rules().Zone {
			zones = append(zones, map[string]any{"httpRequestsAdaptiveGroups": groups})
		}
		json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"viewer": map[string]any{"zones": zones}}, "errors": nil})
	}
}

func (e *Edge) groups(q question) ([]group, error) {
	from, to := q.Variables.From, q.Variables.To
	switch {
	case strings.Join(strings.Fields(q.Query), " ") != strings.Join(strings.Fields(analytics.Query), " "):
		return nil, fmt.Errorf("%s knows the query of edge watch and no other", Server)
	case q.Variables.Path == "":
		return nil, fmt.Errorf("clientRequestPath_like is empty")
	case !from.Before(to):
		return nil, fmt.Errorf("datetime_geq %s is not before datetime_lt %s", from, to)
	case from.Before(e.Now().Add(-remembered)):
		return nil, fmt.Errorf("cannot request data older than %.0fs", remembered.Seconds())
	}
	counts := e.answers.between(from, to, like(q.Variables.Path))
	groups := []group{}
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		g := group{Count: counts[status]}
		g.Dimensions.CacheStatus = status
		groups = append(groups, g)
	}
	return groups, nil
}

// like is SQL's: % is anything, _ is any one character.
func like(pattern string) func(string) bool {
	expression := strings.NewReplacer("%", ".*", "_", ".").Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile("(?s)^" + expression + "$").MatchString
}
