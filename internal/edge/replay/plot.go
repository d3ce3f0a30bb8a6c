package replay

import (
	"fmt"
	"html"
	"io"
	"strings"
	"time"
)

// most is how many points a plot has at most; with more, neighbours merge.
const most = 240

// series counts requests over time in equal steps.
type series struct {
	begin time.Time
	step  time.Duration
	steps []point
}

type point struct{ all, cached, static, staticCached int64 }

func (s *series) add(e *record) {
	if s.step == 0 {
		s.begin, s.step = e.time.Truncate(time.Minute), time.Minute
	}
	at := int(e.time.Sub(s.begin) / s.step)
	for at >= most {
		s.halve()
		at = int(e.time.Sub(s.begin) / s.step)
	}
	for len(s.steps) <= at {
		s.steps = append(s.steps, point{})
	}
	p := &s.steps[at]
	p.all++
	if e.static {
		p.static++
	}
	if e.status.FromCache() {
		p.cached++
		if e.static {
			p.staticCached++
		}
	}
}

// halve doubles the step.
func (s *series) halve() {
	s.step *= 2
	var merged []point
	for i := 0; i < len(s.steps); i += 2 {
		p := s.steps[i]
		if i+1 < len(s.steps) {
			next := s.steps[i+1]
			p.all, p.cached = p.all+next.all, p.cached+next.cached
			p.static, p.staticCached = p.static+next.static, p.staticCached+next.staticCached
		}
		merged = append(merged, p)
	}
	s.steps = merged
}

// The plot's measures in pixels.
const (
	width, height = 800, 360
	left, right   = 50, 20
	top, bottom   = 40, 50
)

// Plot draws the hit ratio over time as SVG, with the goal as a line.
func (r *Report) Plot(w io.Writer, goal float64) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<title>Hit ratio over time</title><rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	for _, share := range []float64{0, 0.25, 0.5, 0.75, 1} {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f %%</text>`+"\n",
			left, y(share), width-right, left-6, y(share)+4, share*100)
	}
	if goal > 0 {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#a00" stroke-dasharray="4 4"/><text x="%d" y="%.1f" fill="#a00">goal %s</text>`+"\n",
			left, y(goal), width-right, left+6, y(goal)+14, percent(goal))
	}
	r.series.draw(&b, "#06c", fmt.Sprintf("static paths, %s", percent(r.Static.Ratio())), 0,
		func(p point) (int64, int64) { return p.staticCached, p.static })
	r.series.draw(&b, "#e70", fmt.Sprintf("all requests, %s", percent(r.All.Ratio())), 1,
		func(p point) (int64, int64) { return p.cached, p.all })
	for i, at := range []time.Time{r.First, r.First.Add(r.Last.Sub(r.First) / 2), r.Last} {
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="%s">%s</text>`+"\n", left+i*(width-left-right)/2, height-bottom+20,
			[]string{"start", "middle", "end"}[i], html.EscapeString(at.Format("2006-01-02 15:04")))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func y(share float64) float64 { return top + (1-share)*(height-top-bottom) }

// draw leaves out steps without requests.
func (s *series) draw(b *strings.Builder, color, label string, row int, of func(point) (part, whole int64)) {
	var points []string
	for i, p := range s.steps {
		if part, whole := of(p); whole > 0 {
			x := left + (float64(i)+0.5)*float64(width-left-right)/float64(len(s.steps))
			points = append(points, fmt.Sprintf("%.1f,%.1f", x, y(share(part, whole))))
		}
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.Join(points, " "), color)
	fmt.Fprintf(b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", left+row*220, top-16, color, html.EscapeString(label))
}
