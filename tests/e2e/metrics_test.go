//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/alerts"
	"github.com/scalestack/scalestack/internal/dashboards"
	"github.com/scalestack/scalestack/internal/metrictest"
)

// metricsStore is the lab's VictoriaMetrics.
const metricsStore = "http://127.0.0.1:18428"

// series are what a query gives: labels, and whatever value.
type series struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

func (s series) number(t *testing.T) float64 {
	t.Helper()
	value, err := strconv.ParseFloat(fmt.Sprint(s.Value[1]), 64)
	require.NoError(t, err)
	return value
}

func query(t *testing.T, expr string) ([]series, error) {
	t.Helper()
	response, err := http.Get(metricsStore + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []series }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s: %s", expr, answer.Error)
	}
	return answer.Data.Result, nil
}

// Kubernetes' discovery finds every program by the name of its port.
func TestEveryProgramIsScraped(t *testing.T) {
	want := []string{"analytics", "app", "email", "invalidate", "kafka-kafka-exporter", "postgres-exporter", "redis-exporter", "relay", "shardctl"}
	eventually(t, time.Minute, "a scrape of every program", func() error {
		found, err := query(t, "sum by (container) (up) > 0")
		if err != nil {
			return err
		}
		var names []string
		for _, one := range found {
			names = append(names, one.Metric["container"])
		}
		for _, name := range want {
			if !slices.Contains(names, name) {
				return fmt.Errorf("%s is not scraped, only %v", name, names)
			}
		}
		return nil
	})
}

// The exporters get in with roles of their own, Kafka's with a certificate, and the one
// of PostgreSQL answers for every shard.
func TestTheExportersGetAnswers(t *testing.T) {
	eventually(t, time.Minute, "an answer from every server", func() error {
		for metric, want := range map[string]int{"pg_up": len(outputs(t).Shards), "redis_up": 1, "kafka_brokers": 1} {
			expr := fmt.Sprintf("%s{namespace=%q} == 1", metric, outputs(t).Namespace)
			found, err := query(t, expr)
			if err == nil && len(found) != want {
				err = fmt.Errorf("%s holds for %d of %d", expr, len(found), want)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// rare are metrics that a product has only when something has happened, or that come
// of what stack dev does without: standbys, certificates, backups and the metrics of Kafka's nodes.
var rare = regexp.MustCompile(`^(scalestack_(reshard_.*|backup_.*|(shard|cache)_certificate_expiry_.*|shard_slot_(held_bytes|lost)|consumer_dead_letters_total)` +
	`|pg_stat_replication_.*|pg_stat_archiver_last.*|kafka_(controller|server)_.*|kube_persistentvolumeclaim_deletion_timestamp)$`)

// exported are the exporters' metrics in a query.
var exported = regexp.MustCompile(`\b(pg|redis|kafka|kube|kubelet)_[a-z_]+\b`)

// Every alert's question is understood, and what it asks for is there: an alert on a
// metric that nobody has never fires.
func TestAlertsAskForWhatThereIs(t *testing.T) {
	c := newClient(t)
	require.NoError(t, c.put(81, profile{Name: "seen", Email: "seen@example.com"}))
	throughEdge(t, "/users/81")
	for _, group := range alerts.Groups(alerts.Defaults()) {
		for _, rule := range group.Rules {
			_, err := query(t, rule.Expr)
			require.NoError(t, err, rule.Name)
			for _, metric := range slices.Concat(metrictest.Names(rule.Expr), exported.FindAllString(rule.Expr, -1)) {
				if rare.MatchString(metric) {
					continue
				}
				eventually(t, time.Minute, metric, func() error {
					found, err := query(t, metric)
					if err == nil && len(found) == 0 {
						err = fmt.Errorf("%s asks for %s, which has no series", rule.Name, metric)
					}
					return err
				})
			}
		}
	}
}

// No panel is empty. A rate needs two scrapes of a counter, and some of the counters
// need a user.
func TestEveryPanelHasSeries(t *testing.T) {
	c, ns := newClient(t), outputs(t).Namespace
	require.NoError(t, c.put(82, profile{Name: "drawn", Email: "drawn@example.com"}))
	throughEdge(t, "/users/82")
	eventually(t, 90*time.Second, "every panel to have something to draw", func() error {
		var empty []string
		for _, board := range dashboards.All() {
			for _, panel := range board.Panels {
				for _, q := range panel.Queries {
					found, err := query(t, q.Expand(ns))
					if err != nil {
						return err
					}
					if len(found) == 0 {
						empty = append(empty, board.Title+": "+panel.Title+": "+q.Expand(ns))
					}
				}
			}
		}
		if len(empty) > 0 {
			return fmt.Errorf("nothing answers\n%s", strings.Join(empty, "\n"))
		}
		return nil
	})
}

// The login of the watcher may read no table, and sees how many rows a bucket has.
func TestHotBucketsAreCounted(t *testing.T) {
	require.NoError(t, newClient(t).put(83, profile{Name: "counted", Email: "counted@example.com"}))
	text := kubectl(t, "exec", "deployment/shardctl", "-n", outputs(t).Namespace, "--", "/shardctl", "hot", "--top", "1")
	require.Regexp(t, `^BUCKET +SHARD +ROWS .*\n\d+ +\d+ +[1-9]\d* +- +- +\d`, text)
}
