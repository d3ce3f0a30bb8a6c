package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

func newRequests(registry prometheus.Registerer) *prometheus.HistogramVec {
	return promauto.With(registry).NewHistogramVec(prometheus.HistogramOpts{
		Name: "scalestack_http_request_seconds",
		Help: "Time to answer a request, by route, method and status code.",
		// A cache hit takes less than a millisecond, the request timeout is seconds.
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"route", "method", "code"})
}

// measureInFlight tells how many requests are worked on, of the most that may be.
func (a *API) measureInFlight(registry prometheus.Registerer) {
	promauto.With(registry).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "scalestack_http_requests_in_flight",
		Help: "Requests that are worked on.",
	}, func() float64 { return float64(len(a.slots)) })
}

// handle registers a handler with a deadline and measures it. A client that disconnects
// does not stop the work: cancelling a statement costs the database connection, and the
// outcome of a write would be unknown.
func (a *API) handle(method, route string, handler http.HandlerFunc) {
	a.mux.HandleFunc(method+" "+route, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), a.options.Timeout)
		defer cancel()
		ctx, span := a.options.Tracer.Request(ctx, r.Header, method, route)
		began := time.Now()
		recorder := &recorder{ResponseWriter: w, status: http.StatusInternalServerError}
		// Deferred, so that a handler that panics counts as the error it is.
		defer func() {
			took := time.Since(began)
			span.Answered(recorder.status)
			a.requests.WithLabelValues(route, method, strconv.Itoa(recorder.status)).Observe(took.Seconds())
			a.options.Log.Debug("request", "method", method, "path", r.URL.Path, "status", recorder.status, "took", took)
		}()
		a.admitted(handler)(recorder, r.WithContext(ctx))
	})
}

// recorder remembers the status code.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController and MaxBytesReader reach the real writer.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
