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
	"github.com/scalestack/scalestack/services/users/internal/assets"
	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/router"
)

// retryAfter is what a client is told to wait for a shard that restarts.
const retryAfter = 2 * time.Second

// Service is what the interface offers; *users.Service is the real implementation.
type Service interface {
	Get(ctx context.Context, id int64) (users.Answer, error)
	Create(ctx context.Context, p users.Profile, key string) (user *users.User, shard string, err error)
	Put(ctx context.Context, id int64, p users.Profile) (user *users.User, shard string, err error)
	Update(ctx context.Context, id int64, p users.Profile) (user *users.User, shard string, err error)
	Delete(ctx context.Context, id int64) (found bool, shard string, err error)
	users.Products
}

// Options configure an API. Every field except Tracer is required.
type Options struct {
	// Timeout bounds the work for one request.
	Timeout time.Duration
	// MaxRequests is how many requests are processed at once.
	MaxRequests int
	// Metrics is where the API registers its own.
	Metrics *prometheus.Registry
	Log     *slog.Logger
	// Access decides who may use what lies under /users.
	Access Access
	// Tracer follows requests; nil follows none.
	Tracer *tracing.Tracer
}

// API is the HTTP handler of the service.
type API struct {
	service  Service
	options  Options
	assets   *assets.Assets
	requests *prometheus.HistogramVec
	page     []byte
	draining atomic.Bool
	// slots are for requests that are worked on.
	slots chan struct{}
	mux   *http.ServeMux
}

// New returns the API.
func New(service Service, o Options) *API {
	a := &API{service: service, options: o, assets: assets.Embedded(), requests: newRequests(o.Metrics), mux: http.NewServeMux(),
		slots: make(chan struct{}, o.MaxRequests)}
	a.measureInFlight(o.Metrics)
	a.guarded(http.MethodGet, "/users/{id}", mayRead, a.getUser)
	a.guarded(http.MethodPut, "/users/{id}", mayWrite, a.putUser)
	a.guarded(http.MethodDelete, "/users/{id}", mayWrite, a.deleteUser)
	a.guarded(http.MethodPost, "/users", mayCreate, a.postUser)
	a.guarded(http.MethodGet, "/users/{id}/products/{sku}", mayRead, a.getProduct)
	a.guarded(http.MethodPut, "/users/{id}/products/{sku}", mayWrite, a.putProduct)
	a.guarded(http.MethodDelete, "/users/{id}/products/{sku}", mayWrite, a.deleteProduct)
	a.page = homePage(a.assets, o.Access)
	a.handle(http.MethodGet, "/{$}", a.home)
	for _, folder := range assets.Folders() {
		a.handle(http.MethodGet, folder, a.asset)
	}
	return a
}

// ServeHTTP answers one request. No cache may store an answer unless its handler says
// so; only the assets' handler does.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "private, no-store")
	if a.draining.Load() {
		// Each connection ends with an answer, and none under a request.
		w.Header().Set("Connection", "close")
	}
	if isBeyond(r.Context()) {
		w.Header().Set("Connection", "close")
		busy(http.StatusServiceUnavailable, "too many connections").write(w)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// Drain closes each connection with its next answer, while requests are still served.
func (a *API) Drain() { a.draining.Store(true) }

func (a *API) asset(w http.ResponseWriter, r *http.Request) {
	if !a.assets.Serve(w, r) {
		newProblem(http.StatusNotFound, "there is no such file").write(w)
	}
}

func setShard(w http.ResponseWriter, shard string) {
	if shard != "" {
		w.Header().Set("X-Shard", shard)
	}
}

// repeatable is what a client is told of a change of unknown outcome.
const repeatable = "; the change may have been made, and repeating it does no harm"

func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	a.failWith(w, r, err, repeatable)
}

// failWith keeps the cause for the log: it names hosts and users of the databases.
func (a *API) failWith(w http.ResponseWriter, r *http.Request, err error, unknown string) {
	var unavailable *router.UnavailableError
	if !errors.As(err, &unavailable) {
		a.options.Log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err.Error())
		newProblem(http.StatusInternalServerError, "").write(w)
		return
	}
	a.options.Log.Warn("shard is unavailable", "method", r.Method, "path", r.URL.Path, "error", err.Error())
	detail := unavailable.Shard + " is unavailable"
	if unavailable.Unknown {
		detail += unknown
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	newProblem(http.StatusServiceUnavailable, detail).write(w)
}
