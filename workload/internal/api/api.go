// Package api is the HTTP interface of the user service.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/scalestack/scalestack/router"
	"github.com/scalestack/scalestack/workload/internal/assets"
	"github.com/scalestack/scalestack/workload/internal/users"
)

// retryAfter is what a client is told to wait for a shard that restarts.
const retryAfter = 2 * time.Second

// Service is what the interface offers; *users.Service is the real one.
type Service interface {
	Get(ctx context.Context, id int64) (users.Answer, error)
	Put(ctx context.Context, id int64, p users.Profile) (user *users.User, shard string, err error)
}

// Options configure an API; every field is required.
type Options struct {
	// Timeout bounds the work for one request.
	Timeout time.Duration
	// Metrics is where the API registers its own and what /metrics shows.
	Metrics *prometheus.Registry
	Log     *slog.Logger
}

// API is the HTTP handler of the service.
type API struct {
	service  Service
	options  Options
	assets   *assets.Assets
	requests *prometheus.HistogramVec
	draining atomic.Bool
	mux      *http.ServeMux
}

// New returns an API that is ready at once.
func New(service Service, o Options) *API {
	a := &API{service: service, options: o, assets: assets.Embedded(), requests: newRequests(o.Metrics), mux: http.NewServeMux()}
	a.handle(http.MethodGet, "/users/{id}", a.getUser)
	a.handle(http.MethodPut, "/users/{id}", a.putUser)
	for _, folder := range assets.Folders() {
		a.handle(http.MethodGet, folder, a.asset)
	}
	a.mux.HandleFunc("GET /healthz", ok)
	a.mux.HandleFunc("GET /readyz", a.readyz)
	a.mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}))
	return a
}

// ServeHTTP answers one request. No cache may keep an answer unless its handler
// says so, which none but the assets' does.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "private, no-store")
	a.mux.ServeHTTP(w, r)
}

// Drain makes the service report that it is not ready, while it goes on
// serving.
func (a *API) Drain() { a.draining.Store(true) }

// ok says only that the process runs: a restart would not mend a shard or the
// cache.
func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

// readyz does not ask the shards: one that is down would take every pod out of
// service, and with them the users of all others. The map is loaded before the
// server listens.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) {
	if a.draining.Load() {
		newProblem(http.StatusServiceUnavailable, "shutting down").write(w)
		return
	}
	ok(w, r)
}

func (a *API) asset(w http.ResponseWriter, r *http.Request) {
	if !a.assets.Serve(w, r) {
		newProblem(http.StatusNotFound, "there is no such file").write(w)
	}
}

func (a *API) getUser(w http.ResponseWriter, r *http.Request) {
	id, wrong := userID(r)
	if wrong != nil {
		wrong.write(w)
		return
	}
	answer, err := a.service.Get(r.Context(), id)
	setShard(w, answer.Shard)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("X-Cache", "miss")
	if answer.Hit {
		w.Header().Set("X-Cache", "hit")
	}
	if answer.User == nil {
		newProblem(http.StatusNotFound, "there is no user "+strconv.FormatInt(id, 10)).write(w)
		return
	}
	writeJSON(w, http.StatusOK, "application/json", answer.User)
}

func (a *API) putUser(w http.ResponseWriter, r *http.Request) {
	id, wrong := userID(r)
	if wrong != nil {
		wrong.write(w)
		return
	}
	p, wrong := profile(w, r)
	if wrong != nil {
		wrong.write(w)
		return
	}
	user, shard, err := a.service.Put(r.Context(), id, p)
	setShard(w, shard)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	status := http.StatusOK
	if user.Version == 1 {
		status = http.StatusCreated
	}
	writeJSON(w, status, "application/json", user)
}

func setShard(w http.ResponseWriter, shard string) {
	if shard != "" {
		w.Header().Set("X-Shard", shard)
	}
}

// fail keeps the cause for the log: it names hosts and users of the databases.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	var unavailable *router.UnavailableError
	if !errors.As(err, &unavailable) {
		a.options.Log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err.Error())
		newProblem(http.StatusInternalServerError, "").write(w)
		return
	}
	a.options.Log.Warn("shard is unavailable", "method", r.Method, "path", r.URL.Path, "error", err.Error())
	detail := unavailable.Shard + " is unavailable"
	if unavailable.Unknown {
		detail += "; the change may have been made, and repeating it does no harm"
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	newProblem(http.StatusServiceUnavailable, detail).write(w)
}
