package replay

import (
	"bufio"
	"container/heap"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"time"
)

// Generate writes a log in combined format of a shop, equal for an equal seed
// and mix. Hashed names change with a release every six hours.
func Generate(w io.Writer, lines int, seed uint64, m Mix) error {
	out := bufio.NewWriterSize(w, 1<<16)
	g := newGenerator(seed, m)
	for range lines {
		l := g.next()
		fmt.Fprintf(out, "%s - - [%s] \"%s %s HTTP/1.1\" %d %d \"-\" \"%s\"\n",
			l.visitor, l.at.Format(timeForm), l.method, l.target, l.status, l.bytes, l.agent)
	}
	return out.Flush()
}

// The shop that is visited.
const (
	products    = 5_000
	visitors    = 200_000
	releaseTime = 6 * time.Hour
	perMinute   = 40 // sessions
)

type event struct {
	at                             time.Time
	visitor, method, target, agent string
	status, bytes                  int
}

// queue has the earliest event first.
type queue []event

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(e any)        { *q = append(*q, e.(event)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

type generator struct {
	mix     Mix
	random  *rand.Rand
	product *rand.Zipf
	visitor *rand.Zipf
	pending queue
	arrival time.Time
	begin   time.Time
}

func newGenerator(seed uint64, m Mix) *generator {
	g := &generator{
		mix:    m,
		random: rand.New(rand.NewPCG(seed, 1)),
		begin:  time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
	}
	g.arrival = g.begin
	g.product = rand.NewZipf(g.random, 1.1, 4, products-1)
	g.visitor = rand.NewZipf(g.random, 1.05, 1000, visitors-1)
	return g
}

// next returns the next event in the order of time: sessions are begun until
// none can begin before it.
func (g *generator) next() event {
	for len(g.pending) == 0 || !g.pending[0].at.Before(g.arrival) {
		g.session(g.arrival)
		g.arrival = g.arrival.Add(time.Duration(g.random.ExpFloat64() * float64(time.Minute) / perMinute))
	}
	return heap.Pop(&g.pending).(event)
}

func (g *generator) add(e event) { heap.Push(&g.pending, e) }

// session is one visit of one visitor, or of a robot.
func (g *generator) session(at time.Time) {
	id := g.visitor.Uint64()
	e := event{at: at, visitor: fmt.Sprintf("198.%d.%d.%d", 18+id>>16, id>>8&255, id&255), agent: "Mozilla/5.0", method: "GET", status: 200}
	if g.random.Float64() < g.mix.robotSessions() {
		g.robot(e)
		return
	}
	empty := g.random.Float64() < g.mix.emptySessions()
	for view := 0; view == 0 || g.random.Float64() >= g.mix.Leave; view++ {
		g.page(e, id, empty && view == 0)
		e.at = e.at.Add(10*time.Second + time.Duration(g.random.ExpFloat64()*float64(30*time.Second)))
	}
}

func (g *generator) release(at time.Time) int { return int(at.Sub(g.begin) / releaseTime) }

// page is one page view; an empty browser needs the shared assets too.
func (g *generator) page(e event, id uint64, empty bool) {
	product := g.product.Uint64()
	page := fmt.Sprintf("/products/%d", product)
	if empty && g.random.Float64() < 0.2 {
		page += fmt.Sprintf("?utm_source=mail&utm_id=%d", id)
	}
	g.request(e, 0, page, 14_000)
	for i := range g.mix.APICalls {
		path := []string{fmt.Sprintf("/users/%d", id), fmt.Sprintf("/api/products/%d/stock", product), "/api/cart"}[i%3]
		g.request(e, 200+20*i, path, 600)
	}
	if empty {
		g.shared(e)
	}
	for i := range g.mix.OwnImages {
		g.request(e, 300+i*20, fmt.Sprintf("/images/products/%d-%d.webp", product, i), 90_000)
	}
}

// shared are the assets that every page has, most with their release's hash.
func (g *generator) shared(e event) {
	hash := func(name string) uint32 { return checksum(fmt.Sprint(name, g.release(e.at))) }
	for i := range g.mix.Styles {
		g.request(e, 60+i*5, fmt.Sprintf("/static/style-%d.%08x.css", i, hash(fmt.Sprint("style", i))), 25_000)
	}
	for i := range g.mix.Scripts {
		if i < 2 {
			// Without a hash the name stays and the content does not.
			g.sized(e, 130, fmt.Sprintf("/js/tool-%d.js", i), 18_000, fmt.Sprint("tool", i, g.release(e.at)))
			continue
		}
		g.request(e, 80+i*5, fmt.Sprintf("/static/chunk-%d.%08x.js", i, hash(fmt.Sprint("chunk", i))), 60_000)
	}
	for i := range g.mix.Fonts {
		g.request(e, 140+i*5, fmt.Sprintf("/static/fonts/text-%d.woff2", i), 40_000)
	}
	for i := range g.mix.SharedImages {
		g.request(e, 150+i*5, fmt.Sprintf("/images/layout/%d.svg", i), 3_000)
	}
	g.request(e, 300, "/favicon.ico", 4_000)
}

// robot looks for weak places, and at pages without their assets.
func (g *generator) robot(e event) {
	e.agent = "robot/1.0"
	g.request(e, 0, "/robots.txt", 200)
	for i := range robotPages {
		e.status = 200
		target := fmt.Sprintf("/products/%d", g.random.Uint64N(products))
		if g.random.Float64() < 0.3 {
			e.status, target = 404, []string{"/wp-login.php", "/.env", "/static/..%2f..%2fetc/passwd", "/admin/config.js"}[g.random.IntN(4)]
		}
		g.request(e, i*2000, target, 14_000)
	}
}

// request adds an event for something whose content its name stands for.
func (g *generator) request(e event, milliseconds int, target string, size int) {
	g.sized(e, milliseconds, target, size, target)
}

// sized gives each content one size, within a factor of three.
func (g *generator) sized(e event, milliseconds int, target string, size int, content string) {
	e.at = e.at.Add(time.Duration(milliseconds) * time.Millisecond)
	e.target, e.bytes = target, size/2+int(checksum(content))%size
	g.add(e)
}

func checksum(text string) uint32 {
	h := fnv.New32a()
	io.WriteString(h, text)
	return h.Sum32() >> 1
}
