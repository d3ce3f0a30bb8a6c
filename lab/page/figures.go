package page

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	core "k8s.io/api/core/v1"
)

// metricsPort is the name of the port that programs serve their metrics on.
const metricsPort = "metrics"

// workers are the parts that handle events.
var workers = map[string]bool{"email": true, "analytics": true, "invalidate": true}

// sources are where figures come from beside the pods.
type sources struct {
	http *http.Client
	// mail and edge are the base URLs of the mail sink's view and the edge's
	// administration.
	mail, edge string
}

// figures asks every pod at once. One that does not answer is left out: it is
// starting or ending.
func (s sources) figures(ctx context.Context, pods []core.Pod) (Figures, []string) {
	f := Figures{Handled: map[string]float64{}, Edge: map[string]int64{}}
	var mu sync.Mutex
	var errors []string
	var group sync.WaitGroup
	for _, pod := range pods {
		address := metricsAddress(pod)
		if address == "" {
			continue
		}
		group.Go(func() {
			families, err := s.scrape(ctx, address)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			f.add(pod.Labels[instanceLabel], families)
		})
	}
	group.Go(func() {
		mails, edge, wrong := s.others(ctx)
		mu.Lock()
		defer mu.Unlock()
		f.Mails, errors = mails, wrong
		if edge != nil {
			f.Edge = edge
		}
	})
	group.Wait()
	return f, errors
}

func (s sources) others(ctx context.Context) (mails float64, edge map[string]int64, errors []string) {
	var sent struct{ Messages float64 }
	if err := s.json(ctx, s.mail+"/messages/count", &sent); err != nil {
		errors = append(errors, "mail sink: "+err.Error())
	}
	if err := s.json(ctx, s.edge+"/__edge/answers", &edge); err != nil {
		errors = append(errors, "edge: "+err.Error())
	}
	return sent.Messages, edge, errors
}

func metricsAddress(pod core.Pod) string {
	if pod.Status.PodIP == "" || pod.Status.Phase != core.PodRunning {
		return ""
	}
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == metricsPort {
				return net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(int(port.ContainerPort)))
			}
		}
	}
	return ""
}

func (s sources) scrape(ctx context.Context, address string) (map[string]*dto.MetricFamily, error) {
	body, err := s.get(ctx, "http://"+address+"/metrics")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(io.LimitReader(body, 4<<20))
}

func (s sources) json(ctx context.Context, url string, into any) error {
	body, err := s.get(ctx, url)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(io.LimitReader(body, 1<<20)).Decode(into)
}

func (s sources) get(ctx context.Context, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := s.http.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s answers %s", url, response.Status)
	}
	return response.Body, nil
}

// add counts one pod's metrics.
func (f *Figures) add(part string, families map[string]*dto.MetricFamily) {
	const requests, lookups = "scalestack_http_request_seconds", "scalestack_cache_lookups_total"
	f.Requests += sum(families[requests], nil)
	f.Failed += sum(families[requests], func(l labels) bool { return strings.HasPrefix(l["code"], "5") })
	f.CacheAll += sum(families[lookups], nil)
	f.CacheHits += sum(families[lookups], func(l labels) bool { return l["result"] == "hit" || l["result"] == "negative" })
	f.Published += sum(families["scalestack_relay_published_total"], nil)
	f.Waiting += sum(families["scalestack_outbox_rows"], nil)
	f.Lag += sum(families["scalestack_consumer_lag"], nil)
	f.Dead += sum(families["scalestack_consumer_dead_letters_total"], nil)
	if workers[part] {
		f.Handled[part] += sum(families["scalestack_consumer_events_total"], func(l labels) bool { return l["outcome"] == "done" })
	}
}

type labels map[string]string

// sum adds up the family's values; a histogram's is the number of its observations.
func sum(family *dto.MetricFamily, match func(labels) bool) (total float64) {
	for _, metric := range family.GetMetric() {
		all := labels{}
		for _, pair := range metric.GetLabel() {
			all[pair.GetName()] = pair.GetValue()
		}
		if match == nil || match(all) {
			total += metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return total
}
