package page

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"k8s.io/client-go/kubernetes"
)

//go:embed assets
var assets embed.FS

// Options are what the page looks at.
type Options struct {
	Client    kubernetes.Interface
	Namespace string
	// Service, Edge, EdgeAdmin and Mail are base URLs: the service past the edge, the
	// edge and its administration, the view of the mail sink.
	Service, Edge, EdgeAdmin, Mail string
	// Shards is how many the stack's own configuration has.
	Shards int
	Deploy Deploy
}

// Page is the page's server.
type Page struct {
	Options
	http    *http.Client
	cluster cluster
	shards  *shards
	sources sources
	load    *load
	tasks   tasks
	watch   *watch
}

// New makes the server. It opens no connection before somebody looks.
func New(o Options) *Page {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: loadClients}}
	c := cluster{o.Client, o.Namespace}
	p := &Page{
		Options: o, http: client, cluster: c,
		shards:  &shards{cluster: c, pools: map[int]*pgxpool.Pool{}},
		sources: sources{http: client, mail: o.Mail, edge: o.EdgeAdmin},
		load:    &load{http: client, service: o.Service, edge: o.Edge},
	}
	p.watch = &watch{collect: p.collect, idle: p.shards.close}
	return p
}

// Handler serves the page. Other sites' pages can neither read what it answers nor
// press its buttons, although it listens where the browser is.
func (p *Page) Handler() http.Handler {
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the folder is embedded
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /ready", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /state", p.one)
	mux.HandleFunc("GET /states", p.stream)
	mux.HandleFunc("POST /register", p.postRegister)
	mux.HandleFunc("POST /pods/{name}/kill", p.act(func(r *http.Request) error { return p.kill(r.Context(), r.PathValue("name")) }))
	mux.HandleFunc("POST /load", p.act(func(*http.Request) error { return p.load.start() }))
	mux.HandleFunc("POST /load/stop", p.act(func(*http.Request) error { p.load.halt(); return nil }))
	mux.HandleFunc("POST /shards/add", p.act(func(r *http.Request) error { return p.addShard(r.Context()) }))
	mux.HandleFunc("POST /shards/remove", p.act(func(r *http.Request) error { return p.removeShard(r.Context()) }))
	return localOnly(http.NewCrossOriginProtection().Handler(mux))
}

// localOnly refuses other host names, which a site could make point at this address,
// and lets the page load nothing from elsewhere.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(r.Host) {
			http.Error(w, "the lab's page answers on a loopback address", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// collect asks everything once.
func (p *Page) collect(ctx context.Context) State {
	s := State{At: time.Now(), Errors: []string{}, Pods: []Pod{}, Autoscalers: []Autoscaler{}, Task: p.tasks.state(), Load: p.load.state()}
	note := func(err error) {
		if err != nil {
			s.Errors = append(s.Errors, err.Error())
		}
	}
	held, err := p.shards.holdings(ctx)
	note(err)
	s.Shards, s.Buckets, s.Moves = assignment(held)
	pods, err := p.cluster.pods(ctx)
	note(err)
	s.Pods = describe(pods)
	scalers, err := p.cluster.autoscalers(ctx)
	note(err)
	if scalers != nil {
		s.Autoscalers = scalers
	}
	var wrong []string
	s.Figures, wrong = p.sources.figures(ctx, pods)
	s.Errors = append(s.Errors, wrong...)
	return s
}

func (p *Page) one(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	writeJSON(w, http.StatusOK, p.collect(ctx))
}

// stream sends a state a second as server-sent events.
func (p *Page) stream(w http.ResponseWriter, r *http.Request) {
	states, leave := p.watch.join()
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		select {
		case <-r.Context().Done():
			return
		case s := <-states:
			text, err := json.Marshal(s)
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil {
				return
			}
			if http.NewResponseController(w).Flush() != nil {
				return
			}
		}
	}
}

func (p *Page) postRegister(w http.ResponseWriter, r *http.Request) {
	made, err := p.register(r.Context(), r.FormValue("name"), r.FormValue("email"))
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusCreated, made)
}

func (p *Page) act(do func(*http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := do(r); err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, http.StatusAccepted, map[string]bool{"ok": true})
	}
}

func writeError(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	if errors.Is(err, errBusy) || errors.Is(err, errTask) {
		status = http.StatusConflict
	}
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

// writeJSON can only fail because the client is gone.
func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
