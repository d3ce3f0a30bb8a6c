package replay

// Mix is what a generated log holds: how many requests of each kind a page view
// makes, and who asks.
type Mix struct {
	// Styles, Scripts, Fonts and SharedImages are the page's files that all pages
	// share, which a browser with an empty cache asks for.
	Styles, Scripts, Fonts, SharedImages int
	// OwnImages are those of each page.
	OwnImages int
	// APICalls are made by each page view and are never cached.
	APICalls int
	// EmptyViews is the share of page views with an empty browser cache.
	EmptyViews float64
	// Leave is the share of visitors that leave after each page.
	Leave float64
	// Robots is the share of requests for HTML that are not people's.
	Robots float64
}

// robotPages is how many pages a robot looks at.
const robotPages = 5

// MedianMix is the median page of the web, as far as the site itself serves it,
// and the visitors that sites have:
//
//   - 8 styles, 23 scripts, 4 fonts and 13 images: Web Almanac 2025, Page Weight,
//     median number of requests of an inner page;
//   - of these 54 %, the rest is other sites': Web Almanac 2021, Third Parties,
//     45.9 % of requests;
//   - one document: the other HTML of a page are frames of third parties;
//   - 25.5 % of requests with an empty cache: Facebook, "Web performance: Cache
//     efficiency exercise", 2015;
//   - half of the visitors leave after one page: Contentsquare, Digital Experience
//     Benchmark 2022;
//   - 57.5 % of requests for HTML by robots: Cloudflare Radar, June 2026;
//   - API calls: Cloudflare, "Landscape of API Traffic", 2022, counts 54 % of
//     requests; the median page with that share would make more than ten. Three
//     are no published figure: docs/cdn.md shows what others do to the result.
//
// That four of the seven images are the page's own is an assumption.
func MedianMix() Mix {
	return Mix{
		Styles: 4, Scripts: 12, Fonts: 2, SharedImages: 3, OwnImages: 4,
		APICalls: 3, EmptyViews: 0.255, Leave: 0.5, Robots: 0.575,
	}
}

// emptySessions is the share of visits that begin with an empty cache: later
// views of a visit find it full.
func (m Mix) emptySessions() float64 { return min(1, m.EmptyViews/m.Leave) }

// robotSessions is the share of visits that are a robot's.
func (m Mix) robotSessions() float64 {
	people := (1 - m.Robots) * robotPages
	robots := m.Robots / m.Leave
	return robots / (people + robots)
}
